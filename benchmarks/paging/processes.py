"""The processes of `benchmarks/placements.py`: started, put on their cores, asked, ended."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.own_process import ROOT, FailedMeasurementError, command, environment

SERVER_CORE, OTHER_CORE = 0, 1
_SAID = "serving http://127.0.0.1:"
Rows = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers on a port of this machine. `targets`: the file of what it is asked for."""

    pid: int
    port: int
    targets: Path

    @property
    def cpu_s(self) -> float:
        """Processor time it has taken so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Load:
    """A load that is under way."""

    process: "subprocess.Popen[str]"
    rows: Path

    def result(self) -> Rows:
        """What came of each request; see `benchmarks/paging/load.py`."""
        _, said = self.process.communicate()
        if self.process.returncode:
            raise FailedMeasurementError(f"the load failed:\n{said[-2_000:]}")
        found: Rows = np.load(self.rows)
        return found


@contextmanager
def serving(line: Sequence[str], settings: dict[str, str], targets: Path) -> Iterator[Server]:
    """A server in a process of its own, on the servers' core."""
    started = subprocess.Popen(line, env=environment(settings), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert started.stderr  # noqa: S101 - asked for
    try:
        said = ""
        for text in started.stderr:
            said += text
            if _SAID in text:
                break
        else:
            raise FailedMeasurementError(f"a server did not start:\n{said[-2_000:]}")
        put(started.pid, SERVER_CORE)
        yield Server(started.pid, int(text.strip().rpartition(":")[2]), targets)
    finally:
        started.terminate()
        started.communicate()


def put(pid: int, core: int) -> None:
    """Keep a process, all its threads, on one core; where there is but one nothing is done."""
    if (os.cpu_count() or 1) <= core:
        return
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def begin(server: Server, rate: float, seconds: float, connections: int) -> Load:
    """Begin asking a server, from a process on the other core."""
    rows = server.targets.with_suffix(f".{server.port}.npy")
    core = OTHER_CORE if (os.cpu_count() or 1) > OTHER_CORE else -1
    line = command("benchmarks.paging.load", server.port, server.targets, rows, rate, seconds, connections, core)
    process = subprocess.Popen(line, env=environment({}), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return Load(process, rows)
