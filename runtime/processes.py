"""Processes that outlive the command that started them, remembered by pid and start time under var/run.

A pid alone may by then belong to somebody else; only a process whose start time also matches is signalled.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from storage.runs import process_started


@dataclass(frozen=True, slots=True)
class Process:
    """A process of ours: `started` is the kernel's start time of that pid, which no later process shares."""

    name: str
    pid: int
    started: str
    address: str


def alive(process: Process) -> bool:
    """Whether this very process still runs."""
    return process_started(process.pid) == process.started


def launch(name: str, command: Sequence[str], *, folder: Path, address: str, environment: Mapping[str, str], cwd: Path) -> Process:
    """Start a process of its own session, with its output in `<folder>/<name>.log`, and remember it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.log").open("ab") as log:
        started = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=cwd, env=dict(environment), start_new_session=True
        )
    process = Process(name, started.pid, process_started(started.pid) or "", address)
    _record(folder, name).write_bytes(orjson.dumps(asdict(process)))
    return process


def remembered(folder: Path, name: str) -> Process | None:
    """The process of this name if it still runs; a record of one that is gone with all that it started is forgotten."""
    process = _recorded(folder, name)
    if process is None or alive(process):
        return process
    if not _survived(process):
        _record(folder, name).unlink(missing_ok=True)
    return None


def end(folder: Path, name: str, *, patience: float = 15.0) -> bool:
    """End the remembered process and those it started: asked first, killed after `patience` seconds. False if none ran."""
    process = _recorded(folder, name)
    if process is None or not _survived(process):
        _record(folder, name).unlink(missing_ok=True)
        return False
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        deadline = time.monotonic() + patience
        while _survived(process) and time.monotonic() < deadline:
            time.sleep(0.05)
        if not _survived(process):
            break
    _record(folder, name).unlink(missing_ok=True)
    return True


def _recorded(folder: Path, name: str) -> Process | None:
    record = _record(folder, name)
    return Process(**orjson.loads(record.read_bytes())) if record.exists() else None


def _survived(process: Process) -> bool:
    """Whether it or anything that it started runs. Its number is that of their group, which nobody else gets while one of them is left;
    a process of that number that started at another time is therefore somebody else's."""
    found = process_started(process.pid)
    return found == process.started if found else any(_group(process.pid))


def _group(number: int) -> Iterator[int]:
    """The living processes of a group."""
    for pid, group, state in _by_proc() if Path("/proc/self/stat").exists() else _by_ps():
        if group == number and state[0] not in "ZX":
            yield pid


def _by_proc() -> Iterator[tuple[int, int, str]]:
    """Each process of this host with its group and state."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile; the name before ")" may hold spaces, see proc(5)
            state, _parent, group, *_ = (folder / "stat").read_text().rpartition(")")[2].split()
            yield int(folder.name), int(group), state


def _by_ps() -> Iterator[tuple[int, int, str]]:
    said = subprocess.run(["ps", "-A", "-o", "pid=,pgid=,stat="], capture_output=True, text=True, check=False)  # noqa: S607
    for pid, group, state, *_ in map(str.split, said.stdout.splitlines()):
        yield int(pid), int(group), state


def _record(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"
