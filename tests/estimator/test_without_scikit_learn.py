"""The package works without scikit-learn; the estimator says what it lacks."""

import subprocess
import sys

PROGRAM = """
import sys
sys.modules["sklearn"] = None  # as if it were not installed
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *a: None if name == "sklearn" else find(name)
import keras_maelre
from keras_maelre import *
assert "MaelreEstimator" in dir(keras_maelre)
try:
    keras_maelre.MaelreEstimator
except ImportError as error:
    print(error)
"""


def test_import_error_names_the_command():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert 'pip install "keras_maelre[sklearn]"' in done.stdout


def test_scikit_learn_is_imported_when_it_is_needed():
    program = (
        "import sys, keras_maelre; assert 'keras_maelre.estimator' not in sys.modules; "
        "keras_maelre.MaelreEstimator; assert 'keras_maelre.estimator' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
