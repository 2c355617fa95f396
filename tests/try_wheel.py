"""Tries the package that is installed: `make release` does, far from the tree.

    python tests/try_wheel.py docs/getting_started.md

Looks where it lies and what it holds, runs the code of a page in an empty folder, and
shows the preset that the code saved from the command line.
"""

import importlib.metadata
import os
import pathlib
import re
import subprocess
import sys
import tempfile

PACKAGES = {"keras_maelre", "keras_maelre_cli"}


def main(page):
    code = re.findall(r"```python\n(.*?)```", pathlib.Path(page).read_text(), re.DOTALL)
    # The folder of this script holds the tests, none of which a wheel has.
    sys.path.pop(0)
    files = importlib.metadata.files("keras-maelre")
    held = {file.parts[0] for file in files if file.suffix == ".py"}
    assert held == PACKAGES, f"The wheel holds {sorted(held)}"
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        import keras_maelre

        place = pathlib.Path(keras_maelre.__file__)
        assert "site-packages" in place.parts, f"{place} is not what was installed"
        exec(compile("\n".join(code), page, "exec"), {})
        program = pathlib.Path(sys.executable).with_name("keras-maelre")
        subprocess.run([program, "info", "my_classifier"], check=True)
    print(f"{len(files)} files, {keras_maelre.__version__}: the code of {page} runs.")


if __name__ == "__main__":
    main(*sys.argv[1:])
