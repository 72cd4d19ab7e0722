"""Runs: the processes at work on a send. What a dead one had claimed is UNKNOWN, so death must be certain, not guessed."""

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa

from domain.ids import SendId
from storage.database import Database
from storage.schema import runs

SILENCE = timedelta(seconds=60)  # a run on another host is dead after this long without a heartbeat


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as recorded. `process_started` tells a reused pid from the process that claimed."""

    run_id: str
    send_id: SendId
    host: str
    pid: int
    process_started: str
    started_at: datetime
    heartbeat_at: datetime
    ended_at: datetime | None


class Runs:
    """The runs recorded in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, send_id: SendId, at: datetime) -> str:
        """Record this process as a run of the send; returns the run's id."""
        pid = os.getpid()
        row = RunRow(uuid4().hex, send_id, this_host(), pid, process_started(pid) or "", at, at, None)
        with self._database.begin() as connection:
            connection.execute(sa.insert(runs), {name: getattr(row, name) for name in RunRow.__slots__})
        return row.run_id

    def beat(self, run_id: str, at: datetime) -> None:
        """Say that the run is alive."""
        self._set(run_id, heartbeat_at=at)

    def end(self, run_id: str, at: datetime) -> None:
        """Say that the run is over: it has settled all that it claimed."""
        self._set(run_id, ended_at=at)

    def live(self, send_id: SendId, at: datetime) -> list[RunRow]:
        """The runs that may still hand off letters of the send."""
        return [run for run in self._all(send_id) if run.ended_at is None and not is_dead(run, at)]

    def dead(self, send_id: SendId, at: datetime) -> list[RunRow]:
        """The runs whose open claims nobody will settle: died, or ended without settling."""
        return [run for run in self._all(send_id) if run.ended_at is not None or is_dead(run, at)]

    def _set(self, run_id: str, **values: datetime) -> None:
        with self._database.begin() as connection:
            connection.execute(sa.update(runs).where(runs.c.run_id == run_id).values(**values))

    def _all(self, send_id: SendId) -> Sequence[RunRow]:
        query = sa.select(runs).where(runs.c.send_id == send_id).order_by(runs.c.started_at, runs.c.run_id)
        with self._database.connect() as connection:
            return [RunRow(**row._asdict()) for row in connection.execute(query)]


def is_dead(run: RunRow, at: datetime) -> bool:
    """On this host: whether that very process is gone. Elsewhere: whether it has been silent for longer than SILENCE."""
    if run.host == this_host() and run.process_started:
        return process_started(run.pid) != run.process_started
    return at - run.heartbeat_at > SILENCE


def this_host() -> str:
    """Name of this machine since its last boot: a pid means nothing across reboots."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    return f"{platform.node()}/{boot.read_text().strip()}" if boot.exists() else platform.node()


def process_started(pid: int) -> str | None:
    """When a process of this host started, as an opaque text; None if there is no such process or it is a zombie."""
    if Path("/proc/self/stat").exists():
        return _started_by_proc(pid)
    found = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603, S607 - fixed words and a number
    return found.stdout.strip() or None


def _started_by_proc(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *fields = stat.rpartition(")")[2].split()  # proc(5): the name before ")" may hold spaces
    return None if state in "ZX" else fields[18]  # field 22, start time in ticks since boot
