"""A classifier that answers for long: the same answers, in the same memory."""

import concurrent.futures
import ctypes
import gc
import pathlib

import numpy as np
import pytest

from keras_maelre.preprocessing import SeriesPreprocessor
from tests.models.tiny import tiny_classifier

CALLS, THREADS = 2000, 4
GROWTH = 40  # MB, in the last nine tenths of the calls


def resident():
    """The memory of this process in MB, without what was freed and is kept."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc
    if trim is not None:
        trim(0)
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return (
        int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1e3
    )


@pytest.mark.slow
@pytest.mark.skipif(not pathlib.Path("/proc/self").exists(), reason="needs Linux")
def test_two_thousand_requests_from_four_threads():
    model = tiny_classifier(
        "series", input_shape=(200, 1), preprocessor=SeriesPreprocessor((200, 1))
    )
    generator = np.random.default_rng(0)
    requests = [
        [generator.normal(size=n) for n in generator.integers(1, 200, size)]
        for size in generator.integers(1, 9, 40)
    ]
    expected = [model.predict_proba(request) for request in requests]

    def answer(i):
        got = model.predict_proba(requests[i % len(requests)])
        np.testing.assert_allclose(got, expected[i % len(requests)], atol=1e-5)

    with concurrent.futures.ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(answer, range(CALLS // 10)))
        before = resident()
        list(threads.map(answer, range(CALLS // 10, CALLS)))
    assert resident() - before < GROWTH
