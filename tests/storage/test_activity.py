"""Who has been active lately."""

from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest

from domain.event import EventKind
from domain.site_event import Purchase
from storage.activity import ActivityBook
from storage.database import Database
from storage.feedback import Feedback
from storage.lake import Lake
from storage.site_events import SiteEvents
from tests.storage.people import add
from tests.storage.site_calls import AT, call

NOW = AT + timedelta(days=10)
SINCE = NOW - timedelta(days=30)


def latest(lake: Lake, database: Database) -> dict[str, float]:
    """Hours after AT at which each was active last."""
    found = ActivityBook(lake, database).latest(SINCE, NOW).to_pylist()
    return {row["recipient_id"]: (row["active_at"] - AT) / timedelta(hours=1) for row in found}


@pytest.fixture
def stores(database: Database, lake: Lake) -> tuple[Lake, Database]:
    """Events of three days in the database; the first two days are collected into the lake."""
    for who in ("r1", "r2", "r3", "r4"):
        add(database, who)
    bought = (Purchase("p1", "spade", None, 1.0, 5.0, "EUR"),)
    calls = [
        call("a", hours=1, user="r1"),
        call("b", hours=26, kind=EventKind.PURCHASED, purchases=bought, user="r2"),
        call("c", hours=2, user="r2"),
        call("d", hours=60, user="r1"),
        call("e", hours=61, kind=EventKind.UNKNOWN, user="r3"),
        call("f", hours=62, kind=EventKind.OPENED, user="r3"),
        call("g", hours=240, user="r3"),  # as of NOW nobody knows of it
        call("h", hours=5, anonymous="nobody"),
    ]
    SiteEvents(database).append(calls)
    feedback = Feedback(database, lake)
    for day in feedback.pending(AT + timedelta(hours=40)):
        feedback.collect(day, NOW)
    return lake, database


def test_the_last_act_counts_wherever_it_is_kept(stores: tuple[Lake, Database]) -> None:
    """In the lake, or still in the database alone; opens, calls that nobody can read and visitors nobody knows are no activity."""
    assert latest(*stores) == {"r1": 60.0, "r2": 26.0}


def test_imported_history_counts(stores: tuple[Lake, Database]) -> None:
    """Events, purchases and clicks of imported letters; returns do not, and nothing before the span or after the instant does."""
    lake, _ = stores
    at = pd.to_datetime([AT + timedelta(hours=hours) for hours in (70.0, 71.0, 72.0)], utc=True)
    bought = pd.DataFrame({"purchase_id": ["x", "y", "z"], "recipient_id": ["r3", "r4", "r9"], "amount": [5.0, -5.0, 1.0]})
    bought = bought.assign(item="spade", quantity=1.0, occurred_at=at, received_at=at, source="old")
    bought.loc[2, "occurred_at"] = pd.Timestamp(SINCE - timedelta(seconds=1))
    lake.write("purchases", bought, partition={"source": "old"}, name="all")
    clicked = pd.DataFrame({"decision_id": ["d"], "recipient_id": ["r4"], "kind": ["click"]})
    lake.write("outcomes", clicked.assign(occurred_at=at[0], received_at=at[0], source="old"), partition={"source": "old"}, name="all")
    assert latest(*stores) == {"r1": 60.0, "r2": 26.0, "r3": 70.0, "r4": 70.0}


def test_machines_are_not_active(stores: tuple[Lake, Database]) -> None:
    """What a program did that says so itself counts for nothing."""
    lake, database = stores
    SiteEvents(database).append([replace(call("bot", hours=100, user="r4"), machine=True)])
    assert "r4" not in latest(lake, database)
