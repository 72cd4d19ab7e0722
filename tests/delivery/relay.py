# ruff: noqa: ARG002, N802 - the signatures and names are those that aiosmtpd calls
"""A real SMTP server (aiosmtpd) on loopback, in a thread, that can be told to misbehave."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

Answering = Callable[[str], str | None]


def _nothing(_address: str) -> str | None:
    return None


@dataclass
class Relay:
    """What the server holds and how it answers: functions from the recipient's address to a reply, None for the usual one.

    A reply of "drop" closes the connection instead; `drop_in_body` does so as soon as it has said 354.
    """

    mail: Answering = _nothing  # given the sender
    rcpt: Answering = _nothing
    dot: Answering = _nothing
    drop_in_body: Answering = _nothing
    keep_dropped: bool = True  # whether a letter whose answer is "drop" is kept all the same
    host: str = "127.0.0.1"
    port: int = 0
    connections: int = 0
    held: list[tuple[str, bytes]] = field(default_factory=list)
    options: list[list[str]] = field(default_factory=list)
    stop: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        """Its address, in the clear."""
        return f"smtp://{self.host}:{self.port}/?starttls=none&timeout=5"

    @property
    def recipients(self) -> list[str]:
        """Who got a letter, in the order of arrival."""
        return [address for address, _ in self.held]

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        reply = self.mail(address)
        envelope.mail_from = address
        self.options.append(options)
        return _said(server, reply) or "250 2.1.0 Ok"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        reply = _said(server, self.rcpt(address))
        if reply is None:
            envelope.rcpt_tos.append(address)
        return reply or "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        (address,) = envelope.rcpt_tos
        reply = self.dot(address)
        if reply is None or (reply == "drop" and self.keep_dropped):
            assert isinstance(envelope.original_content, bytes)
            self.held.append((address, envelope.original_content))
        return _said(server, reply) or f"250 2.0.0 Ok: queued as Q{len(self.held):08}"


class _Server(SMTP):
    """aiosmtpd's own, but able to hang up in the middle of a letter."""

    relay: Relay

    def connection_made(self, transport: Any) -> None:
        self.relay.connections += 1
        super().connection_made(transport)

    async def smtp_DATA(self, arg: str) -> None:
        if self.envelope and self.envelope.rcpt_tos and self.relay.drop_in_body(self.envelope.rcpt_tos[0]):
            await self.push("354 go ahead")
            _line(self).abort()
            return
        await super().smtp_DATA(arg)


def _said(server: SMTP, reply: str | None) -> str | None:
    """The reply, with what it does to the connection: 421 closes it once it is said, "drop" without a word."""
    if reply == "drop":
        _line(server).abort()
    elif reply is not None and reply.startswith("421"):
        asyncio.get_running_loop().call_soon(_line(server).close)
    return reply


def _line(server: SMTP) -> asyncio.Transport:
    assert isinstance(server.transport, asyncio.Transport)
    return server.transport


@contextmanager
def serving(relay: Relay, *, tls: ssl.SSLContext | None = None, implicit: bool = False, **options: Any) -> Iterator[Relay]:
    """Run the server until the block ends. `tls` offers STARTTLS, or is used from the first byte if `implicit`."""
    loop = asyncio.new_event_loop()

    def protocol() -> SMTP:
        server = _Server(
            relay, loop=loop, tls_context=None if implicit else tls, hostname="relay.example", enable_SMTPUTF8=False, **options
        )
        server.relay = relay
        return server

    listening = loop.run_until_complete(loop.create_server(protocol, relay.host, relay.port, ssl=tls if implicit else None))
    relay.port = listening.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, name="relay")
    thread.start()

    def stop() -> None:
        if thread.is_alive():
            loop.call_soon_threadsafe(listening.close)
            loop.call_soon_threadsafe(_hang_up, loop)
            thread.join()

    relay.stop = stop
    try:
        yield relay
    finally:
        stop()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def _hang_up(loop: asyncio.AbstractEventLoop) -> None:
    """End every dialogue, then the loop."""
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.call_later(0.05, loop.stop)


def only(username: str, password: str) -> Callable[..., AuthResult]:
    """An authenticator that knows one account."""

    def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
        known = isinstance(data, LoginPassword) and (data.login, data.password) == (username.encode(), password.encode())
        return AuthResult(success=known, handled=False)

    return authenticate
