"""Events of the site: stored once, and given to whom they turn out to be of."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations

import pytest
import sqlalchemy as sa

from domain.event import EventKind
from domain.site_event import Purchase, RefusedEvent, SiteEvent
from storage.database import Database
from storage.schema import events, purchases, set_aside, site_events
from storage.site_events import SiteEvents
from tests.storage.people import add
from tests.storage.site_calls import AT, call


@pytest.fixture
def store(database: Database) -> SiteEvents:
    """A store that knows recipient r1."""
    add(database, "r1")
    return SiteEvents(database)


def whose(database: Database) -> dict[str, str | None]:
    """Message → recipient, for the events stored."""
    with database.connect() as connection:
        return {row.event_id: row.recipient_id for row in connection.execute(sa.select(events))}


def owners(database: Database, given: Sequence[SiteEvent]) -> list[str | None]:
    """Recipients of these events, in order."""
    found = whose(database)
    return [found[event.event_id] for event in given]


def test_events_are_stored_once(database: Database, store: SiteEvents) -> None:
    """The same events again, alone or in one batch, change nothing and are counted as known."""
    given = [call("1", user="r1"), call("2", user="r1"), call("1", user="r1")]
    first, second = store.append(given), store.append(given)
    assert (first.new, first.known, second.new, second.known) == (2, 1, 0, 3)
    assert len(whose(database)) == 2


def test_what_came_before_identify_becomes_theirs(database: Database, store: SiteEvents) -> None:
    """Anonymous events are the recipient's once they identify themselves, known since then and not before."""
    before, identify, after = call("1", anonymous="a"), call("2", hours=1, user="r1", anonymous="a"), call("3", hours=2, anonymous="a")
    store.append([before])
    assert owners(database, [before]) == [None]
    store.append([identify])
    store.append([after])
    assert owners(database, [before, identify, after]) == ["r1"] * 3
    with database.connect() as connection:
        known = connection.scalar(sa.select(site_events.c.known_at).where(site_events.c.event_id == before.event_id))
    assert known == AT + timedelta(hours=1)


def test_the_order_of_arrival_does_not_matter(database: Database) -> None:
    """Anonymous visit, alias and identify by address lead to one recipient in whatever order they arrive."""
    for number, order in enumerate(permutations(range(3))):
        who = f"r{number}"
        add(database, who)
        visit, alias = call(f"v{number}", anonymous=f"a{number}"), call(f"l{number}", hours=1, previous=f"a{number}", user=f"old{number}")
        identify = call(f"i{number}", hours=2, user=f"old{number}", address=f"{who}@EXAMPLE.org ")
        given = [visit, alias, identify]
        for index in order:
            SiteEvents(database).append([given[index]])
        assert owners(database, given) == [who] * 3, order


def test_a_recipients_own_id_cannot_be_linked_away(database: Database, store: SiteEvents) -> None:
    """Events of a recipient's id stay theirs, whatever address somebody tells for it."""
    add(database, "r2")
    store.append([call("1", user="r1", address="r2@example.org"), call("2", user="r1")])
    assert set(whose(database).values()) == {"r1"}


def test_a_shared_device_belongs_to_who_came_last(database: Database, store: SiteEvents) -> None:
    """A second person on a device does not take over the first one's events."""
    add(database, "r2")
    given = [call("1", user="r1", anonymous="a"), call("2", anonymous="a"), call("3", hours=1, user="r2", anonymous="a")]
    given += [call("4", hours=2, anonymous="a")]
    for event in given:
        store.append([event])
    assert owners(database, given) == ["r1", "r1", "r2", "r2"]


def test_importing_the_recipient_later_finds_their_events(database: Database, store: SiteEvents) -> None:
    """Events of a user nobody knew are claimed when the recipient is there, by id or by address."""
    given = [call("1", user="r9"), call("2", user="R8@example.org"), call("3", user="nobody")]
    store.append(given)
    add(database, "r9")
    add(database, "r8")
    assert store.claim(AT + timedelta(days=1)) == 2
    assert owners(database, given) == ["r9", "r8", None]
    assert store.claim(AT + timedelta(days=2)) == 0


def test_links_that_go_round_end(database: Database, store: SiteEvents) -> None:
    """Users who are aliases of each other lead nowhere, and nothing hangs."""
    store.append([call("1", previous="x", user="y"), call("2", hours=1, previous="y", user="x"), call("3", user="x")])
    assert set(whose(database).values()) == {None}


def test_an_order_told_twice_is_bought_once(database: Database, store: SiteEvents) -> None:
    """Two events with one purchase id store one purchase."""
    line = Purchase("p", "item", None, 1.0, 9.5, "EUR")
    store.append([call(name, user="r1", kind=EventKind.PURCHASED, purchases=(line,)) for name in ("1", "2")])
    with database.connect() as connection:
        assert len(connection.execute(sa.select(purchases)).all()) == 1


def test_what_is_refused_is_set_aside_once(database: Database, store: SiteEvents) -> None:
    """Refused calls are kept with their reason."""
    refused = RefusedEvent("x", "shop", "track without an event", "{}", AT)
    assert store.append([], [refused]).refused == 1
    store.append([], [refused])
    with database.connect() as connection:
        assert [row.reason for row in connection.execute(sa.select(set_aside))] == ["track without an event"]


def test_writers_side_by_side_store_each_event_once(database: Database, store: SiteEvents) -> None:
    """Four writers with the same shuffled events store each of them once between them."""
    given = [call(str(number), user="r1", anonymous=f"a{number % 7}") for number in range(200)]
    with ThreadPoolExecutor(4) as pool:
        stored = list(pool.map(lambda shift: store.append(given[shift:] + given[:shift]), range(0, 200, 50)))
    assert sum(one.new for one in stored) == 200
    assert set(whose(database).values()) == {"r1"}
