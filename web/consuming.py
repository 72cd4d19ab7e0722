"""Events of the site and the shop from a stream such as Kafka: at least once from there, once into the database.

A batch is stored, with what cannot be read set aside, before its place in the stream is committed. Whatever dies in between
finds the same messages again, and the database has their events already.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from domain.errors import UnavailableError
from domain.ids import digest
from domain.site_event import RefusedEvent, SiteEvent, StoredEvents
from web.bodies import BadBody, parsed
from web.parts import SiteEvents
from web.segment import read_request

MOST_MESSAGE = 512_000  # bytes; a larger one is set aside, cut
_KEPT = 32_768  # bytes of a message that is set aside


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the stream. `place` names it: topic, partition and offset."""

    place: str
    value: bytes


class Stream(Protocol):
    """Where messages come from."""

    def take(self) -> Sequence[Message]:
        """The next messages, as many as there are and are handy; none after a short wait. Raises UnavailableError."""
        ...

    def commit(self) -> None:
        """All messages taken so far are done with."""
        ...


@dataclass(slots=True)
class Consumed:
    """What was done so far. `set_aside` counts messages and calls that could not be read."""

    messages: int = 0
    stored: int = 0
    known_before: int = 0
    set_aside: int = 0

    def add(self, messages: int, stored: StoredEvents) -> None:
        """One more batch."""
        self.messages += messages
        self.stored += stored.new
        self.known_before += stored.known
        self.set_aside += stored.refused


@dataclass(slots=True)
class _Batch:
    events: list[SiteEvent] = field(default_factory=list)
    refused: list[RefusedEvent] = field(default_factory=list)


def consume(
    stream: Stream,
    store: SiteEvents,
    *,
    source: str,
    clock: Callable[[], datetime],
    go_on: Callable[[Consumed], bool],
    pause: Callable[[], None],
) -> Consumed:
    """Store what comes until `go_on` says no. While the database is away the same batch is tried again after a `pause`."""
    done = Consumed()
    while go_on(done):
        messages = stream.take()
        if messages:
            batch = _read(messages, source, clock())
            done.add(len(messages), _stored(store, batch, pause, lambda: go_on(done)))
            stream.commit()
    return done


def _stored(store: SiteEvents, batch: _Batch, pause: Callable[[], None], go_on: Callable[[], bool]) -> StoredEvents:
    while True:
        try:
            return store.append(batch.events, batch.refused)
        except UnavailableError:
            if not go_on():
                raise
            pause()


def _read(messages: Sequence[Message], source: str, at: datetime) -> _Batch:
    batch = _Batch()
    for message in messages:
        try:
            if len(message.value) > MOST_MESSAGE:
                raise BadBody(413, "larger than may be sent at once")
            read = read_request(parsed(message.value), source=source, received_at=at)
            batch.events += read.events
            batch.refused += read.refused
        except BadBody as bad:
            batch.refused.append(_poison(message, bad.why, source, at))
    return batch


def _poison(message: Message, why: str, source: str, at: datetime) -> RefusedEvent:
    """Named by its place: consumed again, it is set aside once."""
    raw = message.value[:_KEPT].decode(errors="backslashreplace").replace("\x00", "")
    return RefusedEvent(digest("message", source, message.place), source, why, raw, at)
