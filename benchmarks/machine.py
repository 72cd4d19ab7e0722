"""What a benchmark ran on: figures of two machines are not compared."""

import os
import platform
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

_KILOBYTE, _MEGABYTE = 1024, 1024 * 1024


@dataclass(frozen=True, slots=True)
class Machine:
    """A computer, and how busy it was (`load`: mean length of the run queue over the last minute) when it was looked at."""

    system: str
    processor: str
    cores: int
    memory_mb: int
    python: str
    load: float


def this_machine() -> Machine:
    """The computer this runs on."""
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_mb=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MEGABYTE,
        python=platform.python_version(),
        load=round(os.getloadavg()[0], 2),
    )


def peak_mb() -> float:
    """The most memory this process has held so far (resident set, MB).

    Linux tells it per program (VmHWM): `getrusage` counts what the parent held before it became this program.
    """
    status = Path("/proc/self/status")
    if status.exists():
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) * _KILOBYTE / _MEGABYTE
    told = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return told / (_MEGABYTE if sys.platform == "darwin" else _KILOBYTE)


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        if names:
            return names[0]
    return platform.processor() or platform.machine()
