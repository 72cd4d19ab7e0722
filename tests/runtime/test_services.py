"""Services that commands start for themselves."""

import os
import subprocess
import sys
from pathlib import Path

from runtime.processes import alive, launch
from runtime.services import run_folder, stop_services
from runtime.settings import Settings


def gone_pid() -> int:
    """The pid of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_prefect_server_of_a_killed_command_is_ended_and_that_of_a_living_one_is_not(tmp_path: Path) -> None:
    """Its name says for which process it was started; when that process is gone, so is its reason."""
    settings = Settings(home=tmp_path)
    command, folder = ["sleep", "60"], run_folder(settings)
    orphan, used = (
        launch(f"prefect-of-{pid}", command, folder=folder, address="nowhere", environment=os.environ, cwd=tmp_path)
        for pid in (gone_pid(), os.getpid())
    )
    stop_services(settings)
    try:
        assert not alive(orphan) and alive(used)
    finally:
        os.kill(used.pid, 9)
