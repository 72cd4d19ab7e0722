"""What passes between the server and a provider's file: a call as it came in, the order it carries, the reply to it."""

import re
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import orjson
import xxhash

from simulator.esp.contents import Content

_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP call. Header names in lower case; `parts` are the path's named groups, `query` its first values."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    raw_query: bytes = b""
    parts: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


def json_reply(status: int, content: object, headers: Mapping[str, str] = _NOTHING) -> Reply:
    """A JSON document as an answer."""
    return Reply(status, orjson.dumps(content), {"content-type": "application/json", **headers})


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault
    """The provider says no to the whole call, with this reply."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        super().__init__(reply.status)


class Declined(StrEnum):
    """Why one entry of a call was not taken while others were."""

    REJECTED = "rejected"  # for good
    THROTTLED = "throttled"  # for now
    INVALID = "invalid"  # the entry itself breaks a rule of the API; `Entry.fault` says which


@dataclass(frozen=True, slots=True)
class Entry:
    """One message to one recipient. `metadata` is what the provider brings back in its events.

    `fault`: a rule of the API that this entry breaks, where the provider judges entries one by one. `lost`: why a message
    that was accepted will never arrive (a template that cannot be rendered). `silent`: the provider will post no events on it.
    """

    recipient: str
    content: Content
    metadata: Mapping[str, str]
    fault: str | None = None
    lost: str | None = None
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """What a call asks for. `shared_id`: all its entries get one id of the provider's."""

    account: str
    entries: Sequence[Entry]
    idempotency_key: str | None = None
    shared_id: bool = False
    many: bool = False  # the answer has one item per entry
    whole: bool = False  # it is taken as a whole or not at all, whatever the provider does with others


@dataclass(frozen=True, slots=True)
class Receipt:
    """An entry was accepted, under the provider's own id."""

    esp_message_id: str


Outcome = Receipt | Declined


@dataclass(frozen=True, slots=True)
class Held:
    """One message that was accepted. `message_id`: ours, "" if none was found. `at`: seconds since 1970 on the server's clock."""

    number: int
    provider: str
    account: str
    message_id: str
    esp_message_id: str
    idempotency_key: str | None
    at: float
    entry: Entry


Search = Callable[[str, str], Sequence[Held]]  # by name and value of the metadata: what can be found by now


class Purpose(StrEnum):
    """What a call is for."""

    SEND = "send"
    LOOKUP = "lookup"  # what became of a message
    GREET = "greet"  # whether the credentials are good; nothing goes wrong with it but them


@dataclass(frozen=True, slots=True)
class Route:
    """An address of a provider's API. The path's named groups become `Call.parts`."""

    method: str
    path: re.Pattern[str]
    purpose: Purpose = Purpose.SEND


def route(method: str, path: str, purpose: Purpose = Purpose.SEND) -> Route:
    """A route whose path may hold {names} that stand for one segment each."""
    pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path))
    return Route(method, re.compile(f"{pattern}/?$"), purpose)


class Source(Protocol):
    """Where messages are accepted."""

    name: str  # in addresses, faults and counts
    declines: frozenset[Declined]  # as what it can decline some entries of a call and take others

    def message_name(self, number: int) -> str:
        """Its id for the message it took as its n-th."""
        ...


class Provider(Source, Protocol):
    """One provider's API: pure, from a call to an order and from outcomes to the reply."""

    routes: Sequence[Route]  # where it is called
    key_lifetime: float  # seconds for which it remembers idempotency keys; 0 where it knows none

    def account(self, call: Call) -> str:
        """Whose call it is. Raises Refusal for credentials that are missing or revoked."""
        ...

    def read(self, call: Call, account: str) -> Order:
        """What the call asks for. Raises Refusal where it breaks a rule of the API."""
        ...

    def answer(self, order: Order, outcomes: Sequence[Outcome]) -> Reply:
        """The reply to an order that was dealt with."""
        ...

    def look_up(self, call: Call, account: str, search: Search) -> Reply:
        """The reply to a question about what was accepted. Raises Refusal."""
        ...

    def greet(self) -> Reply:
        """The reply to a question about the account or the key."""
        ...

    def repeated(self, first: Reply, *, same: bool, in_progress: bool) -> Reply:
        """The reply to a call whose idempotency key was used before; `same`: with the very same body."""
        ...

    def denied(self) -> Reply:
        """The reply to credentials that are refused."""
        ...

    def throttled(self, order: Order | None, after: float | None) -> Reply:
        """The reply to a call that came too soon; nothing of it was taken. `after`: seconds to say to wait, if any."""
        ...

    def failed(self) -> Reply:
        """The reply when something broke inside."""
        ...


class WithoutKeys:
    """A provider that knows no idempotency keys."""

    key_lifetime: float = 0.0

    def repeated(self, first: Reply, *, same: bool, in_progress: bool) -> Reply:
        """Never asked."""
        raise NotImplementedError(first.status, same, in_progress)


class WithoutLookUp:
    """A provider that cannot be asked what it accepted."""

    def look_up(self, call: Call, account: str, search: Search) -> Reply:
        """Never asked."""
        raise NotImplementedError(call.path, account, search)


REVOKED = "revoked"  # any secret of this value is refused


def account_of(secret: str) -> str:
    """A name for the account of an API key that does not tell the key."""
    return f"key-{xxhash.xxh3_64_hexdigest(secret.encode())[:8]}"


def basic_of(call: Call) -> tuple[str, str] | None:
    """User and password of HTTP basic authentication; None if there is none."""
    kind, _, encoded = call.headers.get("authorization", "").partition(" ")
    try:
        user, colon, password = b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None
    return (user, password) if kind.casefold() == "basic" and colon else None


def bearer_of(call: Call) -> str:
    """The token of HTTP bearer authentication, "" if there is none."""
    kind, _, token = call.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.casefold() == "bearer" else ""


def read_json(call: Call) -> Any:
    """The call's body as JSON. Raises ValueError."""
    return orjson.loads(call.body)


def text_of(value: object) -> str:
    """A value of a JSON document as a string: as it is, or as JSON would write it."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def texts_of(mapping: object) -> dict[str, str]:
    """An object of a JSON document with its values as strings; empty for anything else."""
    return {str(name): text_of(value) for name, value in mapping.items()} if isinstance(mapping, dict) else {}
