import time

import pytest
from cpu_budget import cpu_budget

from keras_maelre.training import time_budget, training_run


def test_waiting_does_not_count_and_working_does():
    clocks = time_budget, training_run
    with cpu_budget():
        begin = [module.time.monotonic() for module in clocks]
        time.sleep(0.3)
        for module, moment in zip(clocks, begin, strict=True):
            assert module.time.monotonic() - moment < 0.2
        while time.process_time() < begin[1] + 0.3:
            pass
        assert training_run.time.monotonic() - begin[1] >= 0.3
    assert all(module.time is time for module in clocks)


def test_the_clock_is_back_after_an_error():
    with pytest.raises(RuntimeError), cpu_budget():
        raise RuntimeError
    assert time_budget.time is time and training_run.time is time
