"""What the server accepted: every message, counted by our own id, and kept as fully as was asked for."""

import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from delivery.esp.provider import OUR_ID
from simulator.esp.calls import Entry, Held, Order, Source
from simulator.esp.contents import Gone
from simulator.esp.journal import Journal

_NAMED = re.compile(rf"{OUR_ID}$|(.*[^a-z])?message[_-]?id$", re.IGNORECASE)  # ours, or as others call it: X-Message-Id
_OURS = re.compile(r"[0-9a-f]{32}$")


class Keep(StrEnum):
    """How much of a message is kept."""

    BODIES = "bodies"  # all of it
    HASHES = "hashes"  # the digest of what arrives, and everything but the content
    COUNTS = "counts"  # how often each of our ids was accepted


@dataclass(slots=True)
class Tally:
    """What one provider took, and what it was asked."""

    calls: int = 0
    lookups: int = 0
    refused: int = 0  # calls answered with a refusal: broken rules, bad credentials
    replayed: int = 0  # calls answered from an idempotency key
    messages: int = 0
    bytes_in: int = 0


class Watcher(Protocol):
    """Wants to know what is accepted."""

    @property
    def awake(self) -> bool:
        """Whether it wants to know now."""
        ...

    def watch(self, held: Held) -> None:
        """A message was accepted."""
        ...


class Book:
    """All that was accepted, in order."""

    def __init__(self, keep: Keep = Keep.BODIES, *, seed: int = 1, journal: Journal | None = None) -> None:
        self.keep, self.seed, self.ahead = keep, seed, 0.0
        self._journal = journal
        self.watcher: Watcher | None = None
        self.held: list[Held] = []
        self.accepted: dict[str, Counter[str]] = {}
        self.tallies: dict[str, Tally] = {}
        self._by_id: dict[str, list[Held]] = {}

    def clear(self) -> None:
        """Forget everything, the journal too, and let the clock be what it is: receivers refuse signatures of another hour."""
        self.ahead = 0.0
        for kept in (self.held, self.accepted, self.tallies, self._by_id):
            kept.clear()
        if self._journal:
            self._journal.clear()

    def reload(self) -> None:
        """Take over what the journal holds from an earlier life of the server."""
        for held in self._journal.read() if self._journal else ():
            self._enter(held)
        if self._journal:
            self._journal.flush()

    def now(self) -> float:
        """Seconds since 1970, plus what tests have let pass."""
        return time.time() + self.ahead

    def tally(self, provider: str) -> Tally:
        """The counts of a provider."""
        return self.tallies.setdefault(provider, Tally())

    def accept(self, provider: Source, order: Order, entries: Sequence[Entry]) -> list[str]:
        """Own these messages from now on; returns the provider's ids for them."""
        numbers = range(self.tally(provider.name).messages + 1, self.tally(provider.name).messages + 1 + len(entries))
        shared = provider.message_name(numbers[0]) if order.shared_id and entries else None
        names = [shared or provider.message_name(number) for number in numbers]
        at = self.now()
        watcher = self.watcher if self.watcher and self.watcher.awake else None
        if self.keep is Keep.COUNTS and not watcher:
            self._count(provider.name, entries)
            return names
        for number, name, entry in zip(numbers, names, entries, strict=True):
            held = Held(number, provider.name, order.account, our_id(entry), name, order.idempotency_key, at, entry)
            self._enter(self._reduced(held))
            if watcher and not entry.silent:
                watcher.watch(held)
        if self._journal:
            self._journal.flush()
        return names

    def _count(self, provider: str, entries: Sequence[Entry]) -> None:
        """What is left of entering where nothing but ids is kept, and nobody is told."""
        self.tally(provider).messages += len(entries)
        self.accepted.setdefault(provider, Counter()).update([our_id(entry) for entry in entries])

    def about(self, message_id: str) -> Sequence[Held]:
        """What was accepted under one of our ids."""
        return self._by_id.get(message_id, ())

    def of(self, provider: str) -> Iterator[Held]:
        """What a provider accepted, in order."""
        return (held for held in self.held if held.provider == provider)

    def with_metadata(self, provider: str, name: str, value: str) -> list[Held]:
        """What a provider accepted with this value in its metadata."""
        near = self.about(value) or self.held
        return [held for held in near if held.provider == provider and held.entry.metadata.get(name) == value]

    def _reduced(self, held: Held) -> Held:
        if self.keep is Keep.BODIES:
            return held
        digest = held.entry.content.digest if self.keep is Keep.HASHES and not held.entry.lost else ""
        return replace(held, entry=replace(held.entry, content=Gone(digest)))

    def _enter(self, held: Held) -> None:
        self.tally(held.provider).messages += 1
        self.accepted.setdefault(held.provider, Counter())[held.message_id] += 1
        if self.keep is Keep.COUNTS:
            return
        self.held.append(held)
        self._by_id.setdefault(held.message_id, []).append(held)
        if self._journal:
            self._journal.write(held, whole=self.keep is Keep.BODIES)


def our_id(entry: Entry) -> str:
    """Our message id: among what the sender attached by its name, else by its look; else in Message-ID; else ""."""
    metadata = entry.metadata
    named = next((value for name, value in metadata.items() if _NAMED.match(name)), None)
    alike = named or next((value for value in metadata.values() if _OURS.match(value)), None)
    return alike or (entry.content.header("Message-ID") or "").strip("<> ").partition("@")[0]
