"""Raw payloads and unknown visitors expire; what was read stays."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from domain.event import EventKind
from domain.site_event import Purchase, RefusedEvent
from storage.database import Database
from storage.retention import Expired, Retention
from storage.schema import events, identities, purchases, set_aside, site_events
from storage.site_events import SiteEvents
from tests.storage.people import add
from tests.storage.site_calls import AT, call

LATER = AT + timedelta(days=60)


@pytest.fixture
def stocked(database: Database) -> Database:
    """A known and an unknown visitor on day 0, the known one again on day 50."""
    add(database, "r1")
    bought = (Purchase("p", "tea", None, 1.0, 5.0, None),)
    given = [call("1", user="r1", anonymous="a"), call("2", anonymous="b", kind=EventKind.PURCHASED, purchases=bought)]
    given += [call("3", user="stranger", address="stranger@example.org"), call("4", hours=50 * 24, user="r1")]
    SiteEvents(database).append(given, [RefusedEvent("x", "shop", "why", "{}", AT)])
    return database


def rows(database: Database, table: sa.Table) -> int:
    """How many rows a table has."""
    with database.connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def test_what_is_old_expires(stocked: Database) -> None:
    """Payloads older than their window are emptied, unknown visitors forgotten with their orders and links; the known one stays."""
    expired = Retention(stocked).expire(raw_before=LATER - timedelta(days=30), unknown_before=LATER - timedelta(days=40))
    assert expired == Expired(payloads=3, posts=0, set_aside=1, unknown=2, links=1)
    assert [rows(stocked, table) for table in (events, site_events, purchases, set_aside, identities)] == [2, 2, 0, 0, 1]
    with stocked.connect() as connection:
        assert set(connection.scalars(sa.select(events.c.raw))) == {"{}", '{"secret": "trait"}'}


def test_expiring_again_changes_nothing(stocked: Database) -> None:
    """The second time there is nothing to do."""
    for _ in range(2):
        expired = Retention(stocked).expire(raw_before=LATER, unknown_before=LATER)
    assert expired == Expired(0, 0, 0, 0, 0)


def test_within_the_windows_nothing_expires(stocked: Database) -> None:
    """What is young enough stays as it came."""
    assert Retention(stocked).expire(raw_before=AT, unknown_before=AT) == Expired(0, 0, 0, 0, 0)
    assert rows(stocked, events) == 4


def test_expired_payloads_are_overwritten(sqlite_database: Database) -> None:
    """They stand neither in free pages of the file nor in its log."""
    SiteEvents(sqlite_database).append([call(str(number), user="u") for number in range(300)])
    Retention(sqlite_database).expire(raw_before=LATER, unknown_before=AT)
    path = Path(str(sqlite_database.url.database))
    said = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    assert b"trait" not in said
