"""One call over a pooled connection, and the knowledge whether all of it had left when something went wrong.

urllib3 does the talking, without its retries and redirects: repeating a call is the hand-off's decision. The body is read from a
file that notes when its end was reached, which happens only after the last byte was handed to the kernel. A call that
fails before is one that the ESP cannot have acted on: like a letter without its final dot, it is incomplete.
"""

import io
import time
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from delivery.esp.endpoint import Endpoint
from delivery.esp.provider import Failure, Outcome, Request, Response

_IDLE = 4.0  # seconds: servers close idle connections after 5 and more, and a call that meets the closing is in doubt
_KEPT = 64  # idle connections; more threads than that only mean that some connect anew
_BLOCK = 1 << 16
_LONGEST_BODY = 1 << 24
_PATIENCE = 4  # an answer that drips in may take this many times the time-out in all


class Wire:
    """Connections to one endpoint. Safe to use from several threads."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._pool = _pool(endpoint)

    def send(self, request: Request) -> Outcome:
        """Make the call. Never raises for what the network or the server does."""
        body = _Body(request.body)
        headers = {"User-Agent": "Letterpress", "Content-Length": str(len(request.body)), **request.headers}
        if request.method == "GET":
            del headers["Content-Length"]
        try:
            raw = self._pool.urlopen(
                request.method,
                self._endpoint.prefix + request.target,
                body=None if request.method == "GET" else body,
                headers=headers,
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except (HTTPError, OSError) as error:
            return Failure(body.complete, _silence(error))
        return Response(raw.status, {name.lower(): value for name, value in raw.headers.items()}, self._read(raw))

    def close(self) -> None:
        """Let go of all connections."""
        self._pool.close()

    def _read(self, raw: urllib3.BaseHTTPResponse) -> bytes:
        """The body, or as much of it as came."""
        deadline = time.monotonic() + _PATIENCE * self._endpoint.timeout
        pieces, size = list[bytes](), 0
        try:
            while size < _LONGEST_BODY and time.monotonic() < deadline:
                piece = raw.read1(_BLOCK)
                if not piece:
                    raw.release_conn()
                    return b"".join(pieces)
                pieces.append(piece)
                size += len(piece)
        except (HTTPError, OSError):
            pass  # what came so far is all there is
        raw.close()
        return b"".join(pieces)


class _Body(io.BytesIO):
    """A body that notes when its reader asked for more than there is: everything before was handed on by then."""

    complete = False

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        self.complete = self.complete or not piece
        return piece


class _Fresh:
    """A connection that counts as dropped once it has been idle for a while."""

    idle_since: float | None = None

    @property
    def is_connected(self) -> bool:
        idle = self.idle_since is not None and time.monotonic() - self.idle_since > _IDLE
        return not idle and bool(super().is_connected)  # type: ignore[misc]

    def getresponse(self) -> Any:
        answer = super().getresponse()  # type: ignore[misc]
        self.idle_since = time.monotonic()
        return answer

    def connect(self) -> None:
        self.idle_since = None
        super().connect()  # type: ignore[misc]


class _Plain(_Fresh, HTTPConnection):
    pass


class _Secure(_Fresh, HTTPSConnection):
    pass


def _pool(endpoint: Endpoint) -> urllib3.HTTPConnectionPool:
    timeout = urllib3.Timeout(connect=endpoint.connect_timeout, read=endpoint.timeout)
    if endpoint.context is None:
        plain = urllib3.HTTPConnectionPool(endpoint.host, endpoint.port, timeout=timeout, maxsize=_KEPT, blocksize=_BLOCK)
        plain.ConnectionCls = _Plain
        return plain
    secure = urllib3.HTTPSConnectionPool(
        endpoint.host, endpoint.port, timeout=timeout, maxsize=_KEPT, blocksize=_BLOCK, ssl_context=endpoint.context
    )
    secure.ConnectionCls = _Secure
    return secure


def _silence(error: Exception) -> str:
    """Why no answer came, without urllib3's own words, which tell addresses of objects and of hosts."""
    match error:
        case NameResolutionError():
            return "its name cannot be resolved"
        case NewConnectionError():
            cause = error.__cause__ or error.__context__
            return f"it does not answer: {cause.strerror}" if isinstance(cause, OSError) and cause.strerror else "it does not answer"
        case ConnectTimeoutError():
            return "it does not answer in time"
        case ReadTimeoutError() | TimeoutError():
            return "time ran out"
        case SSLError():
            return "no TLS with it: its certificate is not trusted or the handshake failed"
    return "the connection was lost"
