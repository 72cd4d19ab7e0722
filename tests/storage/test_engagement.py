"""Who has to do with our letters lately."""

from datetime import timedelta

import pandas as pd

from domain.engagement import Engagement
from domain.event import EventKind
from domain.ids import RecipientId
from domain.machine import Judgement, Verdict
from domain.message import MessageStatus
from storage.database import Database
from storage.engagement import EngagementBook
from storage.events import Events
from storage.lake import Lake
from storage.verdicts import Verdicts
from tests.storage.departing import AT, event, open_send, put

SINCE = AT - timedelta(days=90)
PEOPLE = [RecipientId(f"r{number}") for number in range(6)]


def test_clicks_and_opens_of_lake_and_database_count_once(sqlite_database: Database, lake: Lake) -> None:
    """An event that was collected into the lake and is still in the database is one event; machines', old ones and others' are none."""
    send_id = open_send(sqlite_database, "s")
    put(sqlite_database, send_id, range(6), MessageStatus.ACCEPTED)
    recent, old = AT - timedelta(days=3), AT - timedelta(days=91)
    fresh = [event(send_id, 1, EventKind.CLICKED, at=recent), event(send_id, 1, EventKind.OPENED, at=recent)]
    fresh += [event(send_id, 2, EventKind.CLICKED, at=recent), event(send_id, 3, EventKind.CLICKED, at=old)]
    fresh += [event(send_id, 4, EventKind.BOUNCED, at=recent), event(send_id, 5, EventKind.CLICKED, at=AT)]
    Events(sqlite_database).append(fresh)
    Verdicts(sqlite_database).write(send_id, [Judgement(fresh[2].event_id, Verdict.MACHINE, -90, (), "1")], AT)
    rows = [
        (fresh[0].event_id, "clicked", "r1"),
        ("imported-1", "opened", "r1"),
        ("imported-2", "clicked", "r0"),
        ("imported-3", "clicked", "r9"),
    ]
    kept = pd.DataFrame(rows, columns=["event_id", "kind", "recipient_id"])
    kept = kept.assign(occurred_at=recent, received_at=recent, source="shop", properties="{}")
    lake.write("events", kept, partition={"source": "shop"}, name="kept")
    found = EngagementBook(lake, sqlite_database).of(PEOPLE, SINCE, AT)
    assert found == {RecipientId("r0"): Engagement(1, 0), RecipientId("r1"): Engagement(1, 2)}


def test_an_empty_house_knows_nobody(sqlite_database: Database, lake: Lake) -> None:
    """Nobody asked, nobody found; nothing happened, nobody found."""
    book = EngagementBook(lake, sqlite_database)
    assert book.of([], SINCE, AT) == book.of(PEOPLE, SINCE, AT) == {}
