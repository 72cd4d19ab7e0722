"""Processes that outlive the command that started them, remembered by pid and start time under var/run.

A pid alone may by then belong to somebody else; only a process whose start time also matches is signalled.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
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
    """The process of this name if it still runs; a record of a dead one is forgotten."""
    record = _record(folder, name)
    if not record.exists():
        return None
    process = Process(**orjson.loads(record.read_bytes()))
    if alive(process):
        return process
    record.unlink(missing_ok=True)
    return None


def end(folder: Path, name: str, *, patience: float = 15.0) -> bool:
    """End the remembered process and those it started: asked first, killed after `patience` seconds. False if none ran."""
    process = remembered(folder, name)
    if process is None:
        return False
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        deadline = time.monotonic() + patience
        while alive(process) and time.monotonic() < deadline:
            time.sleep(0.05)
        if not alive(process):
            break
    _record(folder, name).unlink(missing_ok=True)
    return True


def _record(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"
