"""The HTTP side: every provider under the paths of its own API, all on one port; they do not collide."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from simulator.esp.calls import Call, Provider, Reply, json_reply
from simulator.esp.control import Control
from simulator.esp.desk import Desk, Handling, Turn
from simulator.esp.faults import Fault
from simulator.esp.lines import Lines

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class EspApp:
    """An ASGI application. Without a framework: a call of a thousand messages passes through here in one piece."""

    def __init__(self, desk: Desk, providers: Mapping[str, Provider], control: Control, lines: Lines) -> None:
        self._desk, self._control, self._lines = desk, control, lines
        self._routes = [(route, provider) for provider in providers.values() for route in provider.routes]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or break its connection off."""
        if scope["type"] != "http":
            return
        if self._control.serves(scope["path"]):
            await _answer(send, Handling(await self._control.answer(await _read(scope, receive))))
            return
        handling = await self._handled(scope, receive)
        await asyncio.sleep(handling.delay)
        if handling.reply is None:
            self._lines.cut(scope["client"])
            await asyncio.sleep(0)  # uvicorn has to learn that nobody waits for an answer any more
        else:
            await _answer(send, handling)

    async def _handled(self, scope: Scope, receive: Receive) -> Handling:
        found = self._find(scope["method"], scope["path"])
        if found is None:
            return Handling(json_reply(404, {"message": "the simulator knows no such address"}))
        turn, provider, parts = found
        if turn.fault is Fault.CUT_READING:
            self._desk.faults.note(turn.scope, turn.fault)
            return Handling(None)
        return self._desk.take(turn, provider, await _read(scope, receive, parts))

    def _find(self, method: str, path: str) -> tuple[Turn, Provider, Mapping[str, str]] | None:
        for route, provider in self._routes:
            match = route.path.match(path) if route.method == method else None
            if match:
                return self._desk.turn(provider, route.purpose), provider, match.groupdict()
        return None


async def _read(scope: Scope, receive: Receive, parts: Mapping[str, str] | None = None) -> Call:
    pieces: list[bytes] = []
    more = True
    while more:
        message = await receive()
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    raw_query = scope["query_string"]
    query = dict(reversed(parse_qsl(raw_query.decode("latin-1"), keep_blank_values=True)))
    path = scope.get("raw_path", b"").decode("latin-1") or scope["path"]
    return Call(scope["method"], path, query, headers, b"".join(pieces), raw_query, parts or {})


async def _answer(send: Send, handling: Handling) -> None:
    reply = handling.reply or Reply(500)
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers.items()]
    headers.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
