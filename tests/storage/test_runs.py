"""Runs: who is at work on a send, and who is certainly not any more."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from domain.ids import SendId
from storage.database import Database
from storage.runs import SILENCE, RunRow, Runs, is_dead, process_started, this_host

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
SEND = SendId("weekly-1")


def run_of(pid: int) -> RunRow:
    """A run of a process of this host."""
    return RunRow("run", SEND, this_host(), pid, process_started(pid) or "", AT, AT, None)


def test_this_process_is_a_live_run(database: Database) -> None:
    """A run that was started and not ended is live, however long its process has been busy without a heartbeat."""
    runs = Runs(database)
    run_id = runs.start(SEND, AT)
    assert [run.run_id for run in runs.live(SEND, AT + timedelta(days=1))] == [run_id]
    assert runs.dead(SEND, AT) == []


def test_an_ended_run_is_dead(database: Database) -> None:
    """A run that ended settles nothing any more."""
    runs = Runs(database)
    run_id = runs.start(SEND, AT)
    runs.end(run_id, AT)
    assert runs.live(SEND, AT) == []
    assert [run.run_id for run in runs.dead(SEND, AT)] == [run_id]


def test_a_killed_process_is_dead_at_once() -> None:
    """A run of this host is dead as soon as its process is killed, even before its parent has noticed."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        run = run_of(process.pid)
        assert not is_dead(run, AT)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert is_dead(run, AT)


def test_a_reused_pid_is_not_the_run() -> None:
    """A living process of the same pid that started at another time is somebody else."""
    own = run_of(os.getpid())
    assert not is_dead(own, AT)
    assert is_dead(replace(own, process_started="1"), AT)


def test_another_hosts_run_dies_of_silence(database: Database) -> None:
    """Of a run on another host only the heartbeat tells: it is dead after SILENCE without one."""
    elsewhere = replace(run_of(1), host="elsewhere", heartbeat_at=AT)
    assert not is_dead(elsewhere, AT + SILENCE)
    assert is_dead(elsewhere, AT + SILENCE + timedelta(seconds=1))


def test_a_beat_is_remembered(database: Database) -> None:
    """A heartbeat moves the run's sign of life forward."""
    runs = Runs(database)
    run_id = runs.start(SEND, AT)
    runs.beat(run_id, AT + timedelta(minutes=5))
    assert runs.live(SEND, AT)[0].heartbeat_at == AT + timedelta(minutes=5)
