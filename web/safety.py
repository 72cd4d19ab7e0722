"""What every answer carries and no request may exceed."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.pages import STYLE_HASH

MOST_BODY = 16_384  # bytes: a one-click unsubscription sends about 30; paths that take more say so

_HEADERS: Mapping[bytes, bytes] = {
    b"content-security-policy": (
        f"default-src 'none'; style-src '{STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'".encode()
    ),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",  # tokens stand in our addresses
    b"x-robots-tag": b"noindex, nofollow",
    b"cache-control": b"no-store",
}


class SafeAnswers:
    """Adds headers that keep pages from being framed, cached, indexed, sniffed or scripted, unless the answer has its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", []))
                present = {name.lower() for name, _ in headers}
                message["headers"] = headers + [item for item in _HEADERS.items() if item[0] not in present]
            await send(message)

        await self._app(scope, receive, send_safely)


class SmallRequests:
    """Answers 413 to a body that is announced, or turns out, to be larger than its path takes: `room` says how much, else MOST_BODY."""

    def __init__(self, app: ASGIApp, room: Mapping[str, int] | None = None) -> None:
        self._app, self._room = app, room or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._room.get(scope["path"], MOST_BODY)
        if _announced(scope) > most:
            await _refuse(send)
            return
        started = False
        taken = 0

        async def receive_some() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                raise _TooLarge
            return message

        async def send_noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive_some, send_noting)
        except _TooLarge:
            if not started:
                await _refuse(send)


class _TooLarge(Exception):  # noqa: N818 - never leaves this file
    """The body went on for too long."""


def _announced(scope: Scope) -> int:
    length = next((value for name, value in scope["headers"] if name.lower() == b"content-length"), b"0")
    return int(length) if length.isdigit() else 0


async def _refuse(send: Send) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": b"larger than this server takes\n"})
