"""A stream of events: at least once from there, once into the database."""

from collections.abc import Sequence

import orjson
import pytest
import sqlalchemy as sa

from domain.errors import UnavailableError
from domain.site_event import RefusedEvent, SiteEvent, StoredEvents
from storage.database import Database
from storage.schema import events, set_aside
from storage.site_events import SiteEvents
from tests.storage.site_calls import AT
from web.consuming import Consumed, Message, consume


class Tape:
    """A stream that is played from where it was last committed."""

    def __init__(self, values: Sequence[bytes], size: int = 3) -> None:
        self.messages = [Message(f"t/0/{offset}", value) for offset, value in enumerate(values)]
        self.size, self.at, self.committed = size, 0, 0

    def take(self) -> list[Message]:
        """The next few."""
        taken = self.messages[self.at : self.at + self.size]
        self.at += len(taken)
        return taken

    def commit(self) -> None:
        """Up to here."""
        self.committed = self.at

    def left(self, _done: Consumed) -> bool:
        """Whether there is more."""
        return self.at < len(self.messages)


class Failing:
    """A store that fails a few times before, or after, storing."""

    def __init__(self, store: SiteEvents, *, before: int = 0, after: int = 0) -> None:
        self.store, self.before, self.after = store, before, after

    def append(self, given: Sequence[SiteEvent], refused: Sequence[RefusedEvent] = ()) -> StoredEvents:
        """Store, or not."""
        if self.before:
            self.before -= 1
            raise UnavailableError("away")
        stored = self.store.append(given, refused)
        if self.after:
            self.after -= 1
            raise RuntimeError("killed before it could be committed")
        return stored


def page(number: int) -> bytes:
    """A page view."""
    return orjson.dumps({"type": "page", "userId": "u", "messageId": str(number)})


def count(database: Database, table: sa.Table) -> int:
    """Rows of a table."""
    with database.connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def play(tape: Tape, store: object) -> Consumed:
    """Consume a tape to its end."""
    return consume(tape, store, source="shop", clock=lambda: AT, go_on=tape.left, pause=lambda: None)  # type: ignore[arg-type] # stand-ins


def test_a_crash_between_storing_and_committing_repeats_and_stores_nothing_twice(database: Database) -> None:
    """The batch that was stored but not committed comes again and is known."""
    tape = Tape([page(number) for number in range(10)])
    with pytest.raises(RuntimeError):
        play(tape, Failing(SiteEvents(database), after=1))
    assert (tape.committed, count(database, events)) == (0, 3)
    tape.at = tape.committed
    done = play(tape, SiteEvents(database))
    assert (done.stored, done.known_before, count(database, events)) == (7, 3, 10)


def test_a_database_that_is_away_is_waited_for(database: Database) -> None:
    """The batch in hand is tried again; nothing is committed meanwhile, nothing lost."""
    tape = Tape([page(number) for number in range(4)])
    assert play(tape, Failing(SiteEvents(database), before=1)).stored == 4
    assert tape.committed == 4


def test_poison_is_set_aside_and_does_not_stop_the_others(database: Database) -> None:
    """Messages that are no JSON, no call, or too large are kept with their reason, each once however often they come."""
    values = [page(1), b"\xff\x00", b"x" * 600_000, b'{"type": "page"}', page(2)]
    for _ in range(2):
        play(Tape(values), SiteEvents(database))
    assert (count(database, events), count(database, set_aside)) == (2, 3)
