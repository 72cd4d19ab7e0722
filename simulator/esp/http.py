"""The HTTP side: every provider under the paths of its own API, all on one port; they do not collide.

Its own reading of HTTP/1.1 rather than a framework's, for two reasons. No framework can be told to break a connection off in the
middle, because no honest server does it; and one that takes 0.3 ms for a call of 40 kB would be what a benchmark measures. It knows
what clients do: lengths or chunks, connections that are kept, several calls sent at once, `Expect: 100-continue`.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import cast
from urllib.parse import parse_qsl, unquote

from simulator.esp.calls import Call, Provider, Reply, Route, json_reply
from simulator.esp.control import Control
from simulator.esp.desk import Desk, Handling, Turn
from simulator.esp.faults import Fault

_LONGEST_HEAD = 65_536
_IDLE = 75.0  # seconds a connection may say nothing, as providers' front ends have it
_END = b"\r\n\r\n"
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[^\r\n]*\r\n")
_UNREADABLE = json_reply(400, {"message": "this is no HTTP that the simulator can read"})
_NOWHERE = json_reply(404, {"message": "the simulator knows no such address"})


class UnreadableError(ValueError):
    """What came in is no HTTP/1.1 request."""


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom a call is for: a provider's turn. `parts`: the named groups of its path."""

    turn: Turn
    provider: Provider
    parts: Mapping[str, str]


class Switchboard:
    """Finds out whom a call is for, and has it dealt with."""

    def __init__(self, desk: Desk, providers: Mapping[str, Provider], control: Control) -> None:
        self._desk, self._control = desk, control
        self._routes: list[tuple[Route, Provider]] = [(route, provider) for provider in providers.values() for route in provider.routes]

    def find(self, method: str, path: str) -> Addressee | None:
        """The provider at this address, with the fault that is due to it; its call counts from now on. None for the other side's."""
        for route, provider in () if self._control.serves(path) else self._routes:
            match = route.path.match(path) if route.method == method else None
            if match:
                return Addressee(self._desk.turn(provider, route.purpose), provider, match.groupdict())
        return None

    def breaks(self, addressee: Addressee | None) -> bool:
        """Whether the connection is to be cut while the call is still coming in."""
        if not addressee or addressee.turn.fault is not Fault.CUT_READING:
            return False
        self._desk.faults.note(addressee.turn.scope, Fault.CUT_READING)
        return True

    def handle(self, addressee: Addressee | None, call: Call) -> Handling:
        """What becomes of a call that was read in full."""
        if addressee:
            return self._desk.take(addressee.turn, addressee.provider, call)
        return Handling(self._control.answer(call) if self._control.serves(call.path) else _NOWHERE)


@dataclass(slots=True)
class _Request:
    """A request whose head was read, and as much of its body as came. `missing`: bytes; None: it comes in chunks."""

    method: str
    target: str
    headers: Mapping[str, str]
    addressee: Addressee | None
    keep: bool
    missing: int | None
    pieces: list[bytes] = field(default_factory=list)

    def call(self) -> Call:
        """The call that it is."""
        path, _, query = self.target.partition("?")
        values = dict(reversed(parse_qsl(query, keep_blank_values=True))) if query else {}
        parts = self.addressee.parts if self.addressee else {}
        return Call(self.method, path, values, self.headers, b"".join(self.pieces), query.encode("latin-1"), parts)


class HttpLine(asyncio.Protocol):
    """One connection."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self._transport: asyncio.Transport
        self._buffer = bytearray()
        self._request: _Request | None = None
        self._waits = False  # for a late answer: what comes in meanwhile stays in the buffer
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is there."""
        self._transport = cast(asyncio.Transport, transport)
        self._rest()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        del exc
        if self._idle:
            self._idle.cancel()

    def data_received(self, data: bytes) -> None:
        """Go as far as what came in allows."""
        self._rest()
        self._buffer += data
        try:
            while not self._waits and not self._transport.is_closing() and self._step():
                pass
        except (UnreadableError, UnicodeDecodeError):
            self._write(_UNREADABLE, keep=False)

    def _step(self) -> bool:
        """A head, a piece of a body, or a whole call. Whether there was one."""
        if self._request is None:
            return self._begin()
        if not (self._chunk(self._request) if self._request.missing is None else self._piece(self._request, self._request.missing)):
            return False
        request, self._request = self._request, None
        self._answer(self._board.handle(request.addressee, request.call()), keep=request.keep)
        return True

    def _begin(self) -> bool:
        """The head of a call, once all of it is there."""
        end = self._buffer.find(_END)
        if end < 0:
            if len(self._buffer) > _LONGEST_HEAD:
                raise UnreadableError
            return False
        head = bytes(self._buffer[:end]).decode("latin-1")
        del self._buffer[: end + len(_END)]
        method, target, headers, keep = _read(head)
        request = _Request(method, target, headers, self._board.find(method, unquote(target.partition("?")[0])), keep, _length(headers))
        if self._board.breaks(request.addressee):
            self._transport.abort()
            return False
        if headers.get("expect", "").casefold() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._request = request
        return True

    def _piece(self, request: _Request, missing: int) -> bool:
        """What came of a body whose length is known. Whether that was all."""
        if missing and self._buffer:
            request.pieces.append(bytes(self._buffer[:missing]))
            del self._buffer[:missing]
            request.missing = missing = missing - len(request.pieces[-1])
        return missing == 0

    def _chunk(self, request: _Request) -> bool:
        """The chunks that came (RFC 9112 §7.1). Whether the last one was among them."""
        while found := _CHUNK.match(self._buffer):
            size = int(found[1], 16)
            end = found.end() + size
            if len(self._buffer) < end + 2:
                return False
            request.pieces.append(bytes(self._buffer[found.end() : end]))
            del self._buffer[: end + 2]
            if not size:
                return True
        return False

    def _answer(self, handling: Handling, *, keep: bool) -> None:
        if handling.reply is None:
            self._transport.abort()
        elif handling.delay:
            self._waits = True
            asyncio.get_running_loop().call_later(handling.delay, self._answer_late, handling.reply, keep)
        else:
            self._write(handling.reply, keep=keep)

    def _answer_late(self, reply: Reply, keep: bool) -> None:
        self._waits = False
        if not self._transport.is_closing():
            self._write(reply, keep=keep)
            self.data_received(b"")

    def _write(self, reply: Reply, *, keep: bool) -> None:
        own = {"content-length": str(len(reply.body)), "date": formatdate(usegmt=True), "connection": "keep-alive" if keep else "close"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in {**reply.headers, **own}.items())
        self._transport.write(f"HTTP/1.1 {reply.status} {_phrase(reply.status)}\r\n{lines}\r\n".encode("latin-1") + reply.body)
        if not keep:
            self._transport.close()

    def _rest(self) -> None:
        """Wait for so long and no longer for the other end to say something."""
        if self._idle:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(_IDLE, self._transport.close)


def _read(head: str) -> tuple[str, str, dict[str, str], bool]:
    """Method, target, headers with their names in lower case, and whether the connection is to be kept."""
    first, *lines = head.lstrip("\r\n").split("\r\n")
    try:
        method, target, version = first.split(" ")
        headers = {name.strip().lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
    except ValueError:
        raise UnreadableError from None
    if not version.startswith("HTTP/1.") or not target.startswith("/"):
        raise UnreadableError
    return method, target, headers, version != "HTTP/1.0" and headers.get("connection", "").casefold() != "close"


def _length(headers: Mapping[str, str]) -> int | None:
    """How many bytes the body has; None where it comes in chunks."""
    if "chunked" in headers.get("transfer-encoding", "").casefold():
        return None
    length = headers.get("content-length", "0")
    if not length.isdecimal():
        raise UnreadableError
    return int(length)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
