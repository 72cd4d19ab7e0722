"""What happens to a message: drawn by seed and id, so that the same messages meet the same fates."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import xxhash

from domain.errors import InputError
from simulator.esp.calls import Held
from simulator.esp.settings_text import number, pairs

SETTING = "--events"
_RESOLUTION = float(2**64)
AGENTS = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36",
)


class Kind(StrEnum):
    """Something that happens to a message; every provider has words of its own for these."""

    DELIVERED = "delivered"
    DEFERRED = "deferred"
    SOFT_BOUNCED = "soft_bounced"
    BOUNCED = "bounced"
    OPENED = "opened"
    CLICKED = "clicked"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    FAILED = "failed"  # accepted, and then not sent: dropped, blocked, not rendered


# A recipient whose mailbox name holds such a word meets this fate, whatever the shares say.
_BY_ADDRESS = {
    "softbounce": Kind.SOFT_BOUNCED,
    "bounce": Kind.BOUNCED,
    "complain": Kind.COMPLAINED,
    "unsubscribe": Kind.UNSUBSCRIBED,
    "deferred": Kind.DEFERRED,
}
_BEFORE: Mapping[Kind, tuple[Kind, ...]] = {
    Kind.COMPLAINED: (Kind.DELIVERED,),
    Kind.UNSUBSCRIBED: (Kind.DELIVERED, Kind.OPENED),
    Kind.DEFERRED: (Kind.DEFERRED,),
}


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened to one message. `at`: seconds since 1970. `number`: its place among those of the message."""

    kind: Kind
    held: Held
    at: float
    number: int
    url: str | None = None
    machine: bool = False

    @property
    def event_id(self) -> str:
        """32 hexadecimal digits that are the same however often it is told."""
        name = f"{self.held.provider}|{self.held.esp_message_id}|{self.held.entry.recipient}|{self.held.number}|{self.kind}|{self.number}"
        return xxhash.xxh3_128_hexdigest(name.encode())

    @property
    def agent(self) -> str:
        """The user agent of who opened or clicked."""
        return AGENTS[int(self.event_id[:4], 16) % len(AGENTS)]

    @property
    def address(self) -> str:
        """The IP address of who opened or clicked, of a block reserved for documentation."""
        return f"203.0.113.{int(self.event_id[4:8], 16) % 254 + 1}"

    def described(self) -> dict[str, object]:
        """For tests to compare with what was stored."""
        held = self.held
        described: dict[str, object] = {"event_id": self.event_id, "provider": held.provider, "kind": str(self.kind), "at": self.at}
        return described | {"message_id": held.message_id, "esp_message_id": held.esp_message_id, "recipient": held.entry.recipient}


@dataclass(slots=True)
class Habits:
    """How often what happens, and how it is told. Shares are of messages for kinds, of happenings for the rest.

    `span`: seconds over which the happenings of a message are spread. `late_seconds`: how late the late ones are. `batch`: the most
    happenings in one post, where the provider sends several. `retries`, `retry_seconds`: after an answer that is no 2xx; each wait is
    twice as long as the one before. `sns_version`: of the signatures of Amazon SNS.
    """

    shares: dict[Kind, float] = field(default_factory=lambda: {Kind.DELIVERED: 1.0})
    late: float = 0.0
    twice: float = 0.0
    shuffled: float = 0.0
    forged: float = 0.0
    malformed: float = 0.0
    machine: float = 0.0
    span: float = 0.5
    late_seconds: float = 2.0
    batch: float = 500.0
    retries: float = 8.0
    retry_seconds: float = 0.25
    sns_version: float = 2.0


_SHARES = ("late", "twice", "shuffled", "forged", "malformed", "machine")
_NUMBERS = ("span", "late_seconds", "batch", "retries", "retry_seconds", "sns_version")


def parse_habits(text: str) -> Habits:
    """Read `opened=.4,clicked=.1,bounced=.01,late=.1,twice=.05,shuffled=1,forged=.01`. Raises InputError."""
    habits = Habits()
    for name, value in pairs(text, setting=SETTING):
        if name in _NUMBERS:
            setattr(habits, name, number(name, value, setting=SETTING))
        elif name in _SHARES:
            setattr(habits, name, number(name, value, setting=SETTING, highest=1))
        else:
            habits.shares[_kind(name)] = number(name, value, setting=SETTING, highest=1)
    return habits


def _kind(name: str) -> Kind:
    try:
        return Kind(name)
    except ValueError:
        known = ", ".join((*Kind, *_SHARES, *_NUMBERS))
        raise InputError(f"there is no {name!r}", where=SETTING, hint=f"known: {known}") from None


def fate(held: Held, habits: Habits, *, seed: int) -> Iterator[Happening]:
    """What happens to a message, in its true order."""
    kinds = list(_kinds(held, habits, seed))
    for place, kind in enumerate(kinds):
        at = held.at + habits.span * (place + drawn(seed, held, f"at {place}")) / max(1, len(kinds))
        machine = kind in (Kind.OPENED, Kind.CLICKED) and drawn(seed, held, f"machine {place}") < habits.machine
        url = "https://shop.example.com/" if kind is Kind.CLICKED else None
        yield Happening(kind, held, at, place, url, machine)


def _kinds(held: Held, habits: Habits, seed: int) -> Iterator[Kind]:
    if held.entry.lost:
        yield Kind.FAILED
        return
    name = held.entry.recipient.partition("@")[0].casefold()
    told = next((kind for word, kind in _BY_ADDRESS.items() if word in name), None)
    if told:
        yield from (*_BEFORE.get(told, ()), told)
        return
    yield from _by_shares(held, habits, seed)


def _by_shares(held: Held, habits: Habits, seed: int) -> Iterator[Kind]:
    def happens(kind: Kind) -> bool:
        return drawn(seed, held, kind) < habits.shares.get(kind, 0.0)

    ends = next((kind for kind in (Kind.FAILED, Kind.BOUNCED, Kind.SOFT_BOUNCED) if happens(kind)), None)
    if happens(Kind.DEFERRED):
        yield Kind.DEFERRED
    if ends:
        yield ends
        return
    if happens(Kind.DELIVERED):
        yield Kind.DELIVERED
        yield from (kind for kind in (Kind.OPENED, Kind.CLICKED, Kind.UNSUBSCRIBED, Kind.COMPLAINED) if happens(kind))


def drawn(seed: int, held: Held, what: str) -> float:
    """A number from 0 to 1 that seed, message and purpose decide."""
    text = f"{seed}|{held.provider}|{held.message_id or held.esp_message_id}|{held.entry.recipient}|{what}"
    return xxhash.xxh3_64_intdigest(text.encode()) / _RESOLUTION
