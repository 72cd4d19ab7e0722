"""What came back, collected into the lake: each fact once, whatever happens in between."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from domain.event import EventKind, ReceivedEvent
from domain.ids import MessageId, RecipientId, event_id_of, imported_id_of
from domain.machine import Verdict
from domain.site_event import Purchase, Refund, RefundLine
from storage.database import Database
from storage.events import Events
from storage.feedback import Day, Feedback
from storage.lake import Lake
from storage.lake_schema import PURCHASES
from storage.schema import verdicts
from storage.site_events import SiteEvents
from tests.storage.people import add
from tests.storage.site_calls import AT, call

MONDAY = date(2026, 11, 23)
CLOSED = datetime(2026, 11, 26, tzinfo=UTC)
LINE = Purchase(imported_id_of("purchase", "shop", "o1:tea"), "tea", "drinks", 2.0, 9.5, "EUR")


def click(name: str, at: datetime) -> ReceivedEvent:
    """A click in a letter."""
    return ReceivedEvent(
        event_id_of("letterpress.web", name), "letterpress.web", EventKind.CLICKED, RecipientId("r1"), MessageId("m1"), None, at, at, "{}"
    )


@pytest.fixture
def feedback(database: Database, lake: Lake) -> Feedback:
    """Monday: a visit, an order, a click and an anonymous visit; on Tuesday the anonymous one is identified."""
    add(database, "r1")
    site = SiteEvents(database)
    site.append([call("1", user="r1"), call("2", user="r1", kind=EventKind.PURCHASED, purchases=(LINE,)), call("3", anonymous="a")])
    site.append([call("4", hours=24, user="r1", anonymous="a"), call("5", anonymous="stranger")])
    Events(database).append([click("c", AT)])
    return Feedback(database, lake)


def collect(feedback: Feedback, until: datetime = CLOSED, *, rebuild: bool = False) -> list[Day]:
    """Collect what is pending."""
    return [feedback.collect(day, CLOSED) for day in feedback.pending(until, rebuild=rebuild)]


def files(lake: Lake) -> dict[str, bytes]:
    """Every file of the lake."""
    return {path: Path(path).read_bytes() for table in ("events", "purchases") for path in lake.files(table)}


def test_closed_days_are_collected(feedback: Feedback, lake: Lake) -> None:
    """Events of recipients are in the lake under the day they became known, strangers' are not."""
    assert collect(feedback) == [Day(MONDAY, 3, 1), Day(date(2026, 11, 24), 2, 0), Day(date(2026, 11, 25), 0, 0)]
    seen = lake.read("events")
    assert set(seen["recipient_id"]) == {"r1"}
    assert sorted(seen["channel"].dropna()) == ["email"]
    [bought] = lake.read("purchases").to_dict("records")
    assert (bought["item"], bought["amount"], bought["currency"], bought["source"]) == ("tea", 9.5, "EUR", "shop")


def test_what_was_learned_later_is_received_later(feedback: Feedback, lake: Lake) -> None:
    """An anonymous visit of Monday that was identified on Tuesday counts as received on Tuesday: Monday's decisions could not know."""
    collect(feedback)
    seen = lake.read("events").set_index("event_id").loc[event_id_of("shop", "3")]
    assert (seen["occurred_at"], seen["received_at"]) == (AT, AT + timedelta(days=1))


def test_open_days_are_left_alone(feedback: Feedback, lake: Lake) -> None:
    """A day that has not ended is not collected."""
    assert collect(feedback, datetime(2026, 11, 24, 23, 59, tzinfo=UTC)) == [Day(MONDAY, 3, 1)]


def test_collecting_again_finds_nothing_to_do(feedback: Feedback) -> None:
    """What was collected is not collected again."""
    collect(feedback)
    assert collect(feedback) == []


def test_rebuilding_gives_the_same_bytes(feedback: Feedback, lake: Lake) -> None:
    """All of it can be made again from the database, byte for byte."""
    collect(feedback)
    before = files(lake)
    for path in before:
        Path(path).unlink()
    collect(feedback, rebuild=True)
    assert files(lake) == before


def test_a_crash_between_the_file_and_the_note_repeats_the_day(feedback: Feedback, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is there and nobody remembers: the day is collected again into the same file."""
    [monday, *_] = feedback.pending(CLOSED)
    with monkeypatch.context() as patched:
        patched.setattr(feedback._database, "insert", None)
        with pytest.raises(TypeError):
            feedback.collect(monday, CLOSED)
    assert len(lake.read("events")) == 3
    collect(feedback)
    assert lake.read("events")["event_id"].is_unique
    assert len(lake.read("events")) == 5


def test_machines_are_left_out(feedback: Feedback, lake: Lake, database: Database) -> None:
    """A click that turns out to be a machine's leaves the lake when that is known."""
    collect(feedback)
    row = {"event_id": event_id_of("letterpress.web", "c"), "send_id": "s", "verdict": Verdict.MACHINE.value, "score": -80, "reasons": "[]"}
    with database.begin() as connection:
        connection.execute(sa.insert(verdicts), row | {"rule_version": "1", "judged_at": AT})
    assert collect(feedback) == [Day(MONDAY, 2, 1)]
    assert "clicked" not in set(lake.read("events")["kind"])


def test_days_that_were_emptied_lose_their_files(feedback: Feedback, lake: Lake, database: Database) -> None:
    """Files that hold more than the database are removed."""
    collect(feedback)
    with database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM purchases")
    collect(feedback)
    assert lake.files("purchases") == []


@pytest.mark.parametrize(("own", "at"), [(LINE.purchase_id, AT - timedelta(hours=5)), ("another", AT.replace(microsecond=400))])
def test_what_an_import_brought_is_not_counted_twice(feedback: Feedback, lake: Lake, own: str, at: datetime) -> None:
    """The same purchase by its id, or by recipient, item and second, is the import's; the collected one is left out."""
    row: dict[str, Any] = {"purchase_id": own, "recipient_id": "r1", "item": "tea", "category": None, "currency": "EUR"}
    row |= {"quantity": 2.0, "amount": 9.5}
    row |= {"occurred_at": at, "received_at": at, "source": "shop"}
    lake.write("purchases", pa.Table.from_pylist([row], schema=PURCHASES), partition={"source": "shop"}, name="import-1")
    collect(feedback)
    assert len(lake.read("purchases")) == 1


def test_what_is_given_back_of_an_imported_purchase_counts(feedback: Feedback, lake: Lake, database: Database) -> None:
    """A refund is of the same recipient, item and second as its purchase, and is no second telling of that."""
    refund = call("r", hours=2, user="r1", kind=EventKind.REFUNDED)
    SiteEvents(database).append([replace(refund, refund=Refund("o1", (RefundLine("tea", None, None, None, None),)))])
    row: dict[str, Any] = {"purchase_id": "another", "recipient_id": "r1", "item": "tea", "category": None, "currency": "EUR"}
    row |= {"quantity": 2.0, "amount": 9.5, "occurred_at": AT, "received_at": AT, "source": "shop"}
    lake.write("purchases", pa.Table.from_pylist([row], schema=PURCHASES), partition={"source": "shop"}, name="import-1")
    collect(feedback)
    found = lake.read("purchases").sort_values("amount")
    assert found["amount"].tolist() == [-9.5, 9.5]
    assert found["occurred_at"].nunique() == 1 and found["received_at"].nunique() == 2


def test_since_leaves_history_to_imports(feedback: Feedback, lake: Lake, database: Database) -> None:
    """What occurred before the chosen instant stays out."""
    collect(Feedback(database, lake, since=AT + timedelta(hours=1)))
    assert set(lake.read("events")["event_id"]) == {event_id_of("shop", "4")}
