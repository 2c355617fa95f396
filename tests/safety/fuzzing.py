"""Tests of properties on random examples: how many, how long, how much memory.

Every run draws the same examples; the slow tests draw more of them.
"""

import contextlib
import pathlib
import resource
import warnings

import hypothesis
import numpy as np
import pytest

NAMED = (TypeError, ValueError)
SECONDS = 20


def fuzz(quick, slow, **strategies):
    """Makes a test of a property: few examples in every run, many in the slow one."""

    def decorate(check):
        def test(examples):
            settings = hypothesis.settings(
                max_examples=examples,
                derandomize=True,
                database=None,
                deadline=SECONDS * 1000,
                suppress_health_check=list(hypothesis.HealthCheck),
            )
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                settings(hypothesis.given(**strategies)(check))()

        test.__name__, test.__doc__ = check.__name__, check.__doc__
        examples = [quick, pytest.param(slow, marks=pytest.mark.slow)]
        return pytest.mark.parametrize("examples", examples)(test)

    return decorate


@contextlib.contextmanager
def bounded_memory(extra=2**30):
    """No more than these bytes can be had besides what the process has."""
    statistics = pathlib.Path("/proc/self/statm")
    if not statistics.exists():
        yield
        return
    held = int(statistics.read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = held + extra
    if soft != resource.RLIM_INFINITY:
        limit = min(limit, soft)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
