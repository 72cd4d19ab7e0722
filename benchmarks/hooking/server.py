"""The server under test: `letterpress serve`, a process of its own that is killed with -9 and started again on the same port."""

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.own_process import ROOT, FailedMeasurementError, command, environment

_STARTS_WITHIN = 60.0  # seconds


class Server:
    """One server, alive or not."""

    def __init__(self, settings: Mapping[str, str], log: Path) -> None:
        self.port = _free_port()
        self._settings, self._log = settings, log
        self._process: subprocess.Popen[bytes] | None = None
        self.kills = 0
        self.down_s = 0.0

    def start(self) -> None:
        """Start it and wait until it answers."""
        began = time.perf_counter()
        with self._log.open("ab") as log:
            arguments = command("letterpress", "serve", "--port", self.port)
            self._process = subprocess.Popen(arguments, env=environment(self._settings), cwd=ROOT, stdout=log, stderr=log)
        while not self._answers():
            if self._process.poll() is not None or time.perf_counter() - began > _STARTS_WITHIN:
                raise FailedMeasurementError(f"the server does not start:\n{self._log.read_text()[-2_000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL, and start again."""
        began = time.perf_counter()
        self._end(signal.SIGKILL)
        self.start()
        self.kills += 1
        self.down_s += time.perf_counter() - began

    def stop(self) -> None:
        """Ask it to end."""
        self._end(signal.SIGTERM)

    @property
    def peak_mb(self) -> float:
        """The most memory that the process which lives now has held."""
        status = Path(f"/proc/{self._process.pid}/status").read_text() if self._process else ""
        return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0.0)

    def _end(self, how: signal.Signals) -> None:
        if self._process and self._process.poll() is None:
            os.kill(self._process.pid, how)
            self._process.wait(timeout=30)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port
