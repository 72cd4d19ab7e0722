# ruff: noqa: ARG002, N802 - the signatures and names are those that aiosmtpd calls
"""An SMTP server in a process of its own that keeps every letter, byte for byte, before it says that it did.

`python -m tests.journeys.sink PORT FOLDER [--hold-after N | --die-after N | --answer-after S]`: after N letters it keeps the next ones
but never answers, or dies before it takes another; or it thinks for S seconds before each answer, so that a send lasts.
"""

import argparse
import asyncio
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.journeys.desk import wait_until


@dataclass
class Keeper:
    """Keeps letters in a folder: the bytes as sent, and beside them who they were for."""

    folder: Path
    hold_after: int | None
    die_after: int | None
    answer_after: float = 0.0
    kept: int = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.die_after is not None and self.kept >= self.die_after:
            os.kill(os.getpid(), signal.SIGKILL)
        self.kept += 1
        assert isinstance(envelope.original_content, bytes)
        name = self.folder / f"{os.getpid()}-{self.kept:06}"
        name.with_suffix(".eml").write_bytes(envelope.original_content)
        name.with_suffix(".new").write_bytes(orjson.dumps(envelope.rcpt_tos))
        name.with_suffix(".new").rename(name.with_suffix(".json"))  # whole, or not there: tests look while it writes
        if self.hold_after is not None and self.kept > self.hold_after:
            await asyncio.Event().wait()
        await asyncio.sleep(self.answer_after)
        return f"250 2.0.0 Ok: kept as {self.kept}"


async def keep(port: int, keeper: Keeper) -> None:
    """Serve on loopback until killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(keeper, loop=loop, hostname="sink.example"), "127.0.0.1", port)
    await server.serve_forever()


@dataclass
class Sink:
    """The server as tests see it: started and killed at will, its letters staying in the folder."""

    folder: Path
    port: int = 0
    _processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def start(self, *options: str) -> None:
        """Start it, always on the same port; returns when it answers."""
        self.port = self.port or free_port()
        self.folder.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "tests.journeys.sink", str(self.port), str(self.folder), *options]
        self._processes.append(subprocess.Popen(command))
        wait_until(self.answers, "the SMTP server to start")

    def stop(self) -> None:
        """Kill it."""
        for process in self._processes:
            process.kill()
            process.wait()
        self._processes.clear()

    def restart(self, *options: str) -> None:
        """Kill it and start another with other options."""
        self.stop()
        self.start(*options)

    def answers(self) -> bool:
        """Whether somebody listens."""
        with socket.socket() as line:
            return line.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def url(self) -> str:
        """Its address as LETTERPRESS_ESP."""
        return f"smtp://127.0.0.1:{self.port}/?starttls=none"

    @property
    def count(self) -> int:
        """How many letters it holds."""
        return sum(path.suffix == ".json" for path in self.folder.iterdir())

    @property
    def recipients(self) -> list[str]:
        """Who it holds a letter for, once per letter."""
        return [address for path in self.folder.glob("*.json") for address in orjson.loads(path.read_bytes())]

    def letter_to(self, address: str) -> bytes:
        """The one letter it holds for a recipient."""
        [path] = [path for path in self.folder.glob("*.json") if address in orjson.loads(path.read_bytes())]
        return path.with_suffix(".eml").read_bytes()


def free_port() -> int:
    """A port of loopback that nobody uses now."""
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hold-after", type=int)
    parser.add_argument("--die-after", type=int)
    parser.add_argument("--answer-after", type=float, default=0.0)
    given = parser.parse_args()
    asyncio.run(keep(given.port, Keeper(given.folder, given.hold_after, given.die_after, given.answer_after)))
