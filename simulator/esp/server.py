"""The server: HTTP, and where asked for SMTP and TLS, on loopback, in one event loop of one process."""

import asyncio
import gc
import os
import signal
import socket
import ssl
import sys
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from domain.errors import UnavailableError
from simulator.esp.book import Book, Keep
from simulator.esp.certificates import write_server_certificate
from simulator.esp.control import Control
from simulator.esp.desk import Desk
from simulator.esp.faults import parse_faults
from simulator.esp.http import HttpLine, Switchboard
from simulator.esp.journal import Journal
from simulator.esp.providers import SCOPES, providers
from simulator.esp.smtp import Relay, SmtpLine
from simulator.esp.webhooks.keys import Keys
from simulator.esp.webhooks.poster import Poster

_HOST = "127.0.0.1"
_BACKLOG = 1_024
_SELDOM = (200_000, 50, 1_000)  # the garbage collector would look through all that was accepted, again and again


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked of a server. Port 0 is any free one; None: that side is not served."""

    port: int = 0
    smtp_port: int | None = None
    tls_port: int | None = None
    state: Path | None = None
    faults: str = ""
    webhooks: str | None = None
    events: str = ""
    keep: Keep = Keep.BODIES
    seed: int = 1
    tied: bool = False  # ends with its standard input


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a server listens."""

    http: str
    smtp: str | None
    https: str | None
    certificate: str | None
    state: str | None


def run(options: Options, ready: Callable[[Addresses], None]) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is called when the ports are open. Raises InputError, UnavailableError."""
    gc.set_threshold(*_SELDOM)
    asyncio.run(_serve(options, ready))


async def _serve(options: Options, ready: Callable[[Addresses], None]) -> None:
    book = Book(options.keep, seed=options.seed, journal=Journal(options.state) if options.state else None)
    book.reload()
    desk = Desk(book, parse_faults(options.faults, scopes=SCOPES, seed=options.seed))
    poster = Poster(Keys(options.seed), seed=options.seed, clock=book.now)
    poster.configure(options.webhooks, options.events)
    book.watcher = poster
    async with AsyncExitStack() as stack:
        addresses = await _listen(options, desk, poster, stack)
        poster.base = addresses.https or addresses.http
        telling = asyncio.create_task(poster.run())
        ready(addresses)
        await _until_told(tied=options.tied)
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling


async def _listen(options: Options, desk: Desk, poster: Poster, stack: AsyncExitStack) -> Addresses:
    """Open the ports."""
    board = Switchboard(desk, providers(options.seed), Control(desk, SCOPES, poster))
    certificate, context = _vouched(options, stack) if options.tls_port is not None else (None, None)
    relay = Relay(options.seed)
    port = await _open(stack, lambda: HttpLine(board), options.port)
    smtp = await _open(stack, lambda: SmtpLine(desk, relay, context), options.smtp_port)
    tls = await _open(stack, lambda: HttpLine(board), options.tls_port, context)
    return Addresses(
        http=f"http://{_HOST}:{port}",
        smtp=f"smtp://{_HOST}:{smtp}" if smtp else None,
        https=f"https://{_HOST}:{tls}" if tls else None,
        certificate=str(certificate) if certificate else None,
        state=str(options.state) if options.state else None,
    )


def _vouched(options: Options, stack: AsyncExitStack) -> tuple[Path, ssl.SSLContext]:
    """The file of a certificate for TLS, and what serves it."""
    folder = options.state or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="letterpress-esp-")))
    certificate, key = write_server_certificate(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return certificate, context


async def _open(
    stack: AsyncExitStack, protocol: Callable[[], asyncio.Protocol], port: int | None, context: ssl.SSLContext | None = None
) -> int | None:
    """Listen on a port of loopback; which one it is. Raises UnavailableError."""
    if port is None:
        return None
    # Not socket.create_server, which leaves the protocol open: asyncio then does not switch Nagle's algorithm off, and every answer
    # that is written in two pieces waits 40 ms for the other end's delayed acknowledgement.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((_HOST, port))
    except OSError as error:
        listening.close()
        raise UnavailableError(f"cannot listen there: {error.strerror}", where=f"{_HOST}:{port}") from None
    server = await asyncio.get_running_loop().create_server(protocol, sock=listening, ssl=context, backlog=_BACKLOG)
    stack.callback(server.close)
    return int(listening.getsockname()[1])


async def _until_told(*, tied: bool) -> None:
    """Wait for SIGINT or SIGTERM, or for the end of standard input."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    if tied:
        loop.add_reader(sys.stdin, lambda: None if os.read(sys.stdin.fileno(), _BACKLOG) else told.set())
    await told.wait()
