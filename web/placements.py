"""`GET /v1/placements/{placement}` and `GET /v1/placements?names=…`: what a page shows in its placements.

Bare ASGI in front of the application: a framework's request costs several times what the answer does (FACTS §12). There is no task, thread
or database query per request; one read of the decision store at most, shared with everybody's; and whatever is in the way of that, the
answer is the default. The routes stand in the OpenAPI document by `web/placement_routes.py`.
"""

import hmac
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache

import orjson
import xxhash
from starlette.types import Receive, Scope, Send

from domain.errors import UnavailableError
from domain.ids import RecipientId
from domain.site_event import EventRates
from web.allowances import Allowances
from web.parts import Placements, Serving
from web.placement_answer import EXPIRED, Visitor, answer_for
from web.placement_figures import PlacementFigures
from web.placement_request import PATH, Asked, BadQuestionError, read_question
from web.shelf import Place, Shelf, Shelves
from web.visit import network_of_address

Header = tuple[bytes, bytes]
_JSON: Header = (b"content-type", b"application/json")
_PRIVATE: Header = (b"cache-control", b"private, no-cache")  # kept by the visitor alone, and asked about each time: 304 is cheap
_NOT_KEPT: Header = (b"cache-control", b"no-store")
_ALWAYS: Sequence[Header] = ((b"vary", b"origin, authorization"), (b"x-content-type-options", b"nosniff"))
_PREFLIGHT: Sequence[Header] = (
    (b"access-control-allow-methods", b"GET"),
    (b"access-control-allow-headers", b"authorization, if-none-match"),
    (b"access-control-max-age", b"86400"),
)
_BODILESS = frozenset({204, 304})
_READING = frozenset({"GET", "HEAD"})
_METHODS = b"GET, HEAD, OPTIONS"
_EVERYBODY = "*"
_BUCKET = "placements"


class RefusedError(Exception):
    """An answer that is no placement."""

    def __init__(self, status: int, detail: object, *headers: Header) -> None:
        self.status, self.detail, self.headers = status, detail, headers
        super().__init__(detail)


@dataclass(slots=True)
class Head:
    """What matters of a request's headers."""

    origin: bytes = b""
    seen: bytes = b""  # If-None-Match
    key: bytes = b""  # of a server, as bearer token


@dataclass(slots=True)
class PlacementServer:
    """Answers for placements. Lives in one event loop."""

    parts: Serving
    figures: PlacementFigures = field(default_factory=PlacementFigures)
    shelves: Shelves = field(init=False)
    allowances: Allowances = field(init=False)
    placements: Placements = field(init=False)

    def __post_init__(self) -> None:
        self.placements = self.parts.placements
        self.shelves = Shelves(self.parts.contents, self.parts.sends, self.placements, self.parts.clock)
        self.allowances = Allowances(EventRates(per_key=0, per_network=self.placements.per_network))

    async def start(self) -> None:
        """Connect to the decision store and read what may be shown, so that the first visitor does not wait for it. Failing is no end."""
        await self.placements.reader.start()
        with suppress(UnavailableError):
            await self.shelves.ready()

    def close(self) -> None:
        """End the connection."""
        self.placements.reader.close()

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer a request, whatever it holds."""
        began = time.perf_counter()
        head = _head_of(scope)
        try:
            status, headers, body = await self._answer(scope, head)
        except RefusedError as error:
            status, headers, body = error.status, [_JSON, _NOT_KEPT, *error.headers], orjson.dumps({"detail": error.detail})
        headers += _ALWAYS
        if status not in _BODILESS:
            headers.append((b"content-length", b"%d" % len(body)))
        if head.origin:
            headers += _allowed(head.origin, self.placements.origins)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
        ended = time.perf_counter()
        self.figures.answered(status, ended - began, ended)

    async def _answer(self, scope: Scope, head: Head) -> tuple[int, list[Header], bytes]:
        method = scope["method"]
        if method == "OPTIONS":
            return 204, [*_PREFLIGHT, (b"allow", _METHODS)], b""
        if method not in _READING:
            raise RefusedError(405, "Method Not Allowed", (b"allow", _METHODS))
        try:
            asked = read_question(scope["path"], scope["query_string"])
        except BadQuestionError as error:
            raise RefusedError(422, [str(error)]) from None
        now = self.parts.clock().timestamp()
        visitor = self._visitor(asked, head, scope, now)
        places = _places(self.shelves.at_hand(now) or await self._first_shelf(), asked)
        if visitor.recipient or asked.contexts:
            who = (visitor.recipient, *asked.contexts) if visitor.recipient else asked.contexts
            visitor.read = await self.placements.reader.read(who, _campaigns(places))
        body = self._body(asked, visitor, places, now)
        etag = b'"%b"' % xxhash.xxh3_64_hexdigest(body).encode()
        if head.seen and etag in head.seen:
            return 304, [_PRIVATE, (b"etag", etag)], b""
        return 200, [_JSON, _PRIVATE, (b"etag", etag)], body

    def _body(self, asked: Asked, visitor: Visitor, places: Sequence[Place], now: float) -> bytes:
        if not asked.several:
            return self._told(places[0], visitor, now, asked.inline)[:-1] + b',"token":%b}' % visitor.token
        answers = b",".join([self._told(place, visitor, now, asked.inline) for place in places])
        known = {place.placement for place in places}
        unknown = orjson.dumps([name for name in asked.names if name not in known])
        return b'{"placements":[%b],"unknown":%b,"token":%b}' % (answers, unknown, visitor.token)

    def _told(self, place: Place, visitor: Visitor, now: float, inline: bool) -> bytes:
        answer, reason = answer_for(place, visitor, now, inline=inline)
        if reason:
            self.figures.defaults[reason] += 1
        return answer

    async def _first_shelf(self) -> Shelf:
        try:
            return await self.shelves.ready()
        except UnavailableError:
            raise RefusedError(503, "not available at present") from None

    def _visitor(self, asked: Asked, head: Head, scope: Scope, now: float) -> Visitor:
        """Whose page it is: by token, or by id from a server that has a key. Raises RefusedError."""
        if head.key:
            if not any(hmac.compare_digest(head.key, key.encode()) for key in self.placements.servers):
                raise RefusedError(401, "no such key", (b"www-authenticate", b"Bearer"))
            return Visitor(RecipientId(asked.recipient) if asked.recipient else None, b'"none"')
        if wait := self._wait_of(scope):
            raise RefusedError(429, "more requests than this network may make at present", (b"retry-after", b"%d" % wait))
        if not asked.recipient:
            return Visitor(None, b'"none"')
        try:
            recipient, until = self.placements.tokens.read(asked.recipient)
        except ValueError:
            raise RefusedError(401, "recipient: not a token that was made for this installation") from None
        return Visitor(recipient, b'"valid"') if now < until else Visitor(None, b'"expired"', nobody=EXPIRED)

    def _wait_of(self, scope: Scope) -> int:
        """Seconds until its network may ask again; networks that are nobody's in particular may at once."""
        client = scope.get("client")
        network = network_of_address(client[0]) if client else None
        return self.allowances.take(_BUCKET, network, 1.0) if network else 0


@lru_cache(maxsize=256)
def _allowed(origin: bytes, origins: frozenset[str]) -> Sequence[Header]:
    """What lets a page of this origin read the answer; nothing where it is not to."""
    if _EVERYBODY in origins:
        return ((b"access-control-allow-origin", b"*"),)
    return ((b"access-control-allow-origin", origin),) if origin.decode("latin-1") in origins else ()


def _places(shelf: Shelf, asked: Asked) -> Sequence[Place]:
    """The placements in the order in which they were asked for, without names that are none. Of several one that is known will do."""
    places = [shelf.places[name] for name in asked.names if name in shelf.places]
    if not places:
        raise RefusedError(404, "there is no such placement")
    return places


def _campaigns(places: Sequence[Place]) -> list[str]:
    if len(places) == 1:
        return [places[0].campaign]
    return sorted({str(place.campaign) for place in places})


def _head_of(scope: Scope) -> Head:
    head = Head()
    for name, value in scope["headers"]:
        if name == b"origin":
            head.origin = value
        elif name == b"if-none-match":
            head.seen = value
        elif name == b"authorization":
            kind, _, given = value.partition(b" ")
            head.key = given.strip() if kind.lower() == b"bearer" else b""
    return head


def is_ours(path: str) -> bool:
    """Whether a path is one of those for placements."""
    return path.startswith(PATH) and (len(path) == len(PATH) or (path[len(PATH)] == "/" and "/" not in path[len(PATH) + 1 :]))
