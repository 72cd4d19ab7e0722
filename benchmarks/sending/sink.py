"""An SMTP server (aiosmtpd) on loopback that accepts every letter and forgets it. `python -m benchmarks.sending.sink`

Prints its port. For every line on standard input it prints how many letters it has taken; it ends with standard input.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from aiosmtpd.smtp import SMTP, Envelope, Session

from benchmarks.own_process import command

_LOOPBACK = "127.0.0.1"


class Taken:
    """Counts letters."""

    def __init__(self) -> None:
        self.count = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Accept."""
        del server, session, envelope
        self.count += 1
        return "250 2.0.0 Ok"


async def serve() -> None:
    """Serve until standard input ends."""
    taken, loop = Taken(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(taken, hostname="sink.example", loop=loop), _LOOPBACK, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(taken.count, flush=True)


@dataclass(frozen=True, slots=True)
class Sink:
    """The server's process, seen from outside."""

    port: int
    asking: IO[str]
    answers: IO[str]

    @property
    def url(self) -> str:
        """Its address for an ESP."""
        return f"smtp://{_LOOPBACK}:{self.port}/?starttls=none"

    def taken(self) -> int:
        """How many letters it has accepted so far."""
        self.asking.write("\n")
        self.asking.flush()
        return int(self.answers.readline())


@contextmanager
def running_sink() -> Iterator[Sink]:
    """The server in a process of its own, ended afterwards."""
    with subprocess.Popen(command(__name__), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if not (process.stdin and process.stdout):
            raise RuntimeError("the sink was started without pipes")
        try:
            yield Sink(int(process.stdout.readline()), process.stdin, process.stdout)
        finally:
            process.stdin.close()


if __name__ == "__main__":
    asyncio.run(serve())
