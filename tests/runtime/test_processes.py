"""Processes are remembered by pid and start time, and only ours are ended."""

import os
import sys
from pathlib import Path

import orjson

from runtime.processes import alive, end, launch, remembered

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
