"""Processes are remembered by pid and start time, and only ours are ended."""

import os
import signal
import sys
import time
from pathlib import Path

import orjson

from runtime.processes import alive, end, launch, remembered
from storage.runs import process_started

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_a_started_process_is_found_again_and_ended(tmp_path: Path) -> None:
    """Who comes later finds the process by its name, and can end it; a second end finds nothing."""
    process = launch("sleeper", SLEEP, folder=tmp_path, address="nowhere", environment=os.environ, cwd=tmp_path)
    assert remembered(tmp_path, "sleeper") == process and alive(process)
    assert end(tmp_path, "sleeper") and not alive(process)
    assert remembered(tmp_path, "sleeper") is None and not end(tmp_path, "sleeper")


def test_a_reused_pid_is_not_ours(tmp_path: Path) -> None:
    """A record whose start time differs from the living process's is forgotten, and that process left alone."""
    record = {"name": "other", "pid": os.getpid(), "started": "long ago", "address": ""}
    (tmp_path / "other.json").write_bytes(orjson.dumps(record))
    assert remembered(tmp_path, "other") is None
    assert not end(tmp_path, "other")


def test_what_outlives_the_process_that_started_it_is_ended_too(tmp_path: Path) -> None:
    """A server whose leading process was killed has left a child behind: it is not "running", and `end` still ends it."""
    leader = [sys.executable, "-c", f"import subprocess; print(subprocess.Popen({SLEEP!r}).pid, flush=True); import time; time.sleep(60)"]
    process = launch("leader", leader, folder=tmp_path, address="nowhere", environment=os.environ, cwd=tmp_path)
    log = tmp_path / "leader.log"
    while not log.read_text().endswith("\n"):
        time.sleep(0.02)
    child = int(log.read_text())
    os.kill(process.pid, signal.SIGKILL)
    while alive(process):
        time.sleep(0.02)
    assert remembered(tmp_path, "leader") is None and process_started(child)
    assert end(tmp_path, "leader") and process_started(child) is None
    assert not end(tmp_path, "leader")
