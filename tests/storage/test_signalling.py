"""Events that are told on as signals: after they are stored, by best effort, and caught up with."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.event import EventKind
from domain.ids import event_id_of
from domain.signal import ANONYMOUS, SessionRule
from domain.site_event import Call, SiteEvent, Visitor
from storage.database import Database
from storage.signalling import SignallingEvents
from storage.signals import SignalStreams
from storage.site_events import SiteEvents
from tests.storage.people import add

NOW = datetime.now(UTC)


def view(name: str, *, user: str | None = None, anonymous: str | None = None) -> SiteEvent:
    """A page view of this moment."""
    return SiteEvent(
        event_id_of("shop", name), "shop", Call.TRACK, EventKind.PAGE_VIEWED, Visitor(user=user, anonymous=anonymous), NOW, NOW, "{}"
    )


def told(streams: SignalStreams) -> list[tuple[str, str]]:
    """Visitors and events in the streams."""
    streams.join()
    found = streams.read("c", range(streams.partitions), 100, timedelta(milliseconds=20))
    return sorted((one.signal.visitor, one.signal.act.event_id) for one in found if one.signal)


@pytest.fixture
def streams(redis_url: str) -> SignalStreams:
    """Two partitions."""
    return SignalStreams(redis_url, partitions=2, budget=timedelta(seconds=5))


def test_stored_events_are_told_with_their_owner(sqlite_database: Database, streams: SignalStreams) -> None:
    """Recipients by their ids and by what links lead to them; others by the site's id for them."""
    add(sqlite_database, "r1")
    store = SignallingEvents(SiteEvents(sqlite_database), streams, SessionRule())
    store.append(
        [
            view("1", user="r1"),
            view("2", anonymous="x"),
            view("3", user="r1", anonymous="y"),
            view("4", anonymous="y"),
            view("5", user="stranger"),
        ]
    )
    names = [event_id_of("shop", str(number)) for number in range(6)]
    assert told(streams) == sorted([("r1", names[1]), (ANONYMOUS + "x", names[2]), ("r1", names[3]), ("r1", names[4])])


def test_an_event_that_is_sent_again_is_told_again(sqlite_database: Database, streams: SignalStreams) -> None:
    """The first time may have ended between storing and telling; a profile counts it once."""
    add(sqlite_database, "r1")
    store = SignallingEvents(SiteEvents(sqlite_database), streams, SessionRule())
    SiteEvents(sqlite_database).append([view("1", user="r1")])
    assert store.append([view("1", user="r1")]).known == 1
    assert told(streams) == [("r1", event_id_of("shop", "1"))]


def test_without_redis_events_are_stored_and_told_when_it_is_back(
    sqlite_database: Database, streams: SignalStreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In their order, with what came since; a server that does not answer is left alone for a while, so that nobody waits for it."""
    add(sqlite_database, "r1")
    gone = SignalStreams("redis://127.0.0.1:1", partitions=2)
    store = SignallingEvents(SiteEvents(sqlite_database), gone, SessionRule())
    assert store.append([view("1", user="r1")]).new == 1
    store._streams = streams  # it comes back
    assert store.append([view("2", user="r1")]).new == 1
    assert told(streams) == []
    monkeypatch.setattr(store, "_resting_until", 0.0)
    store.append([view("3", user="r1")])
    assert [event for _, event in told(streams)] == sorted(event_id_of("shop", name) for name in "123")
    assert store.lost == 0


def test_what_is_remembered_is_bounded(sqlite_database: Database) -> None:
    """While Redis is away for long the oldest are let go, and counted."""
    store = SignallingEvents(SiteEvents(sqlite_database), SignalStreams("redis://127.0.0.1:1", partitions=2), SessionRule(), most=3)
    for number in range(5):
        store.append([view(str(number), anonymous="x")])
    assert store.lost == 2
