"""Events as received: kept raw, once, in the order of reception."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from domain.event import EventKind, ReceivedEvent
from domain.ids import RecipientId, event_id_of
from storage.database import Database
from storage.events import Events

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


def event(number: int, received_at: datetime = AT) -> ReceivedEvent:
    """An event of which only number and reception differ."""
    key = event_id_of("web", str(number))
    return ReceivedEvent(key, "web", EventKind.CLICKED, RecipientId("r1"), None, None, AT, received_at, f'{{"n":{number}}}')


def test_an_event_is_stored_once(database: Database) -> None:
    """Appending counts what is new; the first of two with one id stays."""
    events = Events(database)
    assert events.append([event(1), event(2)]) == 2
    assert events.append([replace(event(2), raw="{}"), event(3)]) == 1
    assert events.append([]) == 0
    assert sorted(one.raw for one in events.between(AT, AT + timedelta(days=1))) == ['{"n":1}', '{"n":2}', '{"n":3}']


def test_events_of_an_interval_come_in_order(database: Database) -> None:
    """Events come back as they were, ordered by reception, the end of the interval left out."""
    events = Events(database)
    stored = [event(number, AT + timedelta(minutes=number)) for number in (3, 1, 2, 0)]
    events.append(stored)
    assert list(events.between(AT + timedelta(minutes=1), AT + timedelta(minutes=3))) == [stored[1], stored[2]]


def test_many_events_at_one_instant_are_all_read(database: Database) -> None:
    """Reading in pages loses nothing where more events than a page holds were received at the same instant."""
    events = Events(database)
    events.append([event(number) for number in range(6_001)])
    assert len({one.event_id for one in events.between(AT, AT + timedelta(seconds=1))}) == 6_001
