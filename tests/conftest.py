"""What every test shares."""

import gc
import os
import pathlib
import tempfile

# On JAX most of a test's time is compilation: what was compiled is kept, for the
# next tests, the processes that they start, and the next run.
CACHE = pathlib.Path(tempfile.gettempdir()) / "keras_maelre_jax_cache"
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(CACHE))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

import keras  # noqa: E402
import pytest  # noqa: E402


@pytest.fixture(autouse=True)
def fixed_seed():
    """A test draws the same weights and noise, whatever ran before it."""
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="module", autouse=True)
def bounded_memory():
    """What a file of tests built and compiled is let go of after it."""
    yield
    keras.backend.clear_session()
    gc.collect()
    if keras.backend.backend() == "jax":
        import jax

        jax.clear_caches()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Whole programs are quick on torch, and slow where they must be compiled."""
    if keras.backend.backend() == "torch":
        return
    for item in items:
        if item.get_closest_marker("compiles_long"):
            item.add_marker(pytest.mark.slow)
