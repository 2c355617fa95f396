"""Where a benchmark ran: processor, versions, memory of the process."""

import datetime
import importlib.metadata
import os
import pathlib
import platform
import sys


def machine():
    """The processor's name, where the system tells it."""
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def cores():
    """How many cores this process may use."""
    return (
        len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count()
    )


def versions(*names):
    """The versions of those packages that are installed, by name."""
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pass
    return found


def one_line(*names):
    """Where and when: processor, versions of packages, today's date."""
    found = ", ".join(f"{name} {text}" for name, text in versions(*names).items())
    return f"{cores()} core(s) of {machine()}; {found}; {datetime.date.today()}"


def memory(field):
    """Resident bytes of this process: `"VmRSS"` now, `"VmHWM"` at most so far."""
    try:
        for line in pathlib.Path("/proc/self/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return 1024 * int(line.split()[1])
    except FileNotFoundError:
        pass
    # Not Linux. There, this would not do: its peak begins at that of the process which
    # started this one. Here it is all there is, so that "now" is the peak so far.
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
