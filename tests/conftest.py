"""What every test shares."""

import gc
import importlib.metadata
import os
import pathlib
import tempfile

# Nothing that is imported and collected is garbage: looking for it takes seconds.
gc.disable()

# On JAX most of a test's time is compilation: what was compiled is kept, for the
# next tests, the processes that they start, and the next run.
CACHE = pathlib.Path(tempfile.gettempdir()) / "keras_maelre_jax_cache"
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(CACHE))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

# Programs of a few small steps are compiled in a third of the time without what makes
# long ones quick. `XLA_FLAGS=` brings the defaults back, as `make test-slow` does.
QUICKLY_COMPILED = (
    "--xla_backend_optimization_level=0",
    "--xla_llvm_disable_expensive_passes=true",
    "--xla_cpu_use_fusion_emitters=false",
    "--xla_cpu_parallel_codegen_split_count=1",
)
# A version that does not know a flag ends the process without a word.
FLAGS_KNOWN_BY = {"jaxlib": "0.10.", "tensorflow": "2.21."}


def _installed(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


if all(
    (_installed(package) or version).startswith(version)
    for package, version in FLAGS_KNOWN_BY.items()
):
    os.environ.setdefault("XLA_FLAGS", " ".join(QUICKLY_COMPILED))

import keras  # noqa: E402
import pytest  # noqa: E402

# What compiled programs may grow a process to, in bytes, on JAX.
MEMORY = 3 * 2**30
TESTS = pathlib.Path(__file__).parent
# What reads files, cuts NumPy arrays, looks at the tree or documents is the same on
# every backend: quick on torch alone, and on the others among the slow tests.
WITHOUT_BACKEND = (
    "datasets/",
    "estimator/test_mini_rocket.py",
    "estimator/test_without_scikit_learn.py",
    "examples/simulated/",
    "preprocessing/test_read_sound.py",
    "preprocessing/test_text_from_documents.py",
    "safety/test_fuzz_files.py",
    "safety/test_presets_hostile.py",
    "test_community.py",
    "test_documentation.py",
    "test_imports.py",
    "test_site.py",
    "training/test_classification_report.py",
    "training/test_multi_label_report.py",
    "training/test_thresholds.py",
)
# Built on the public interface of models and recipes, whose own tests run everywhere.
ABOVE_THE_MODELS = ("benchmarks/", "command_line/", "estimator/")
QUICK_EVERYWHERE = ("estimator/test_every_backend.py",)


@pytest.fixture(autouse=True)
def fixed_seed():
    """A test draws the same weights and noise, whatever ran before it."""
    keras.utils.set_random_seed(0)


@pytest.fixture
def few_steps(monkeypatch):
    """Recipes of tests that train a few steps, about something else than compiling."""
    from keras_maelre.training import Recipe
    from tests.models.tiny import take_few_steps

    take_few_steps(monkeypatch, Recipe)


def memory():
    """The bytes that this process has in memory, where that is told."""
    statistics = pathlib.Path("/proc/self/statm")
    if not statistics.exists():
        return float("inf")
    return int(statistics.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(scope="module", autouse=True)
def bounded_memory():
    """What a file of tests built and compiled is let go of after it."""
    yield
    keras.backend.clear_session(free_memory=False)
    gc.collect()
    # Programs of single operations are few and serve every file.
    if keras.backend.backend() == "jax" and memory() > MEMORY:
        import jax

        jax.clear_caches()


def pytest_collection_finish():
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Whole programs are quick on torch, and slow where they must be compiled."""
    if keras.backend.backend() == "torch":
        return
    for item in items:
        path = item.path.relative_to(TESTS).as_posix()
        on_torch = path.startswith(WITHOUT_BACKEND + ABOVE_THE_MODELS)
        on_torch = on_torch and path not in QUICK_EVERYWHERE
        if on_torch or item.get_closest_marker("compiles_long"):
            item.add_marker(pytest.mark.slow)
