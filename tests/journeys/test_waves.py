"""A send in waves through the command line: killed in its soak, stopped by a gate, resumed and cancelled by people with names."""

import sqlite3
from collections import Counter
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.journeys.desk import Desk, wait_until
from tests.journeys.people import CONSENTING
from tests.journeys.sink import Sink

pytestmark = pytest.mark.journey

SOAK = 4.0  # seconds


def with_waves(desk: Desk, *, gates: str = "{minimum: 10}") -> None:
    """Half of the audience, then all of it."""
    path = desk.campaign / "campaign.yaml"
    path.write_text(path.read_text() + f"waves: {{shares: [0.5, 1], soak_minutes: {SOAK / 60}, gates: {gates}}}\n")


def asked(home: Path, query: str) -> list[tuple[object, ...]]:
    """What the database says."""
    with closing(sqlite3.connect(f"file:{home}/var/letterpress.db?mode=ro", uri=True)) as database:
        return database.execute(query).fetchall()


def test_a_send_that_is_killed_in_its_soak_goes_on_where_the_soak_was(desk: Desk, sink: Sink) -> None:
    """kill -9 while it waits for the second wave, then resume: that wave opens when it was to open, and everybody has one letter."""
    sink.start()
    desk.set(esp=sink.url)
    with_waves(desk)
    sending = desk.start("send", "news")
    soaking = "SELECT 1 FROM sends WHERE reason LIKE 'waiting for wave 2 (soak)%'"
    wait_until(lambda: (desk.sends and asked(desk.home, soaking)) or sending.over(), "the soak")
    sending.kill()
    first = sink.count
    seen = desk.status()
    assert seen["status"] == "interrupted" and 0 < first < CONSENTING
    one, two = seen["departure"]["waves"]
    assert two["opened_at"] is None
    soaks_until = datetime.fromisoformat(one["soaks_until"])
    assert soaks_until == datetime.fromisoformat(one["finished_at"]) + timedelta(seconds=SOAK)

    account = desk.does("resume", "--json").json["account"]
    assert account["handed_off"] == CONSENTING and account["adds_up"] and account["unknown"] == {}
    assert set(Counter(sink.recipients).values()) == {1} and sink.count == CONSENTING
    again, two = desk.status()["departure"]["waves"]
    assert (again["opened_at"], again["finished_at"]) == (one["opened_at"], one["finished_at"])
    assert datetime.fromisoformat(two["opened_at"]) >= soaks_until


def test_who_pauses_resumes_and_cancels_is_kept(desk: Desk, sink: Sink) -> None:
    """By option, by variable, and with what they said; `status` says why it stands still, and the rest is excluded at the end."""
    sink.start("--answer-after", "0.1")
    desk.set(esp=sink.url, by="Grace")
    with_waves(desk)
    sending = desk.start("send", "news")
    wait_until(lambda: sink.count >= 20 or sending.over(), "letters to be handed off")
    paused = desk.does("pause", "--by", "Ada", "--why", "the offer is wrong", "--json").json
    assert (paused["status"], paused["reason"]) == ("paused", "paused by hand: the offer is wrong")
    sending.ended()
    resuming = desk.start("resume", "--json")
    before = sink.count
    wait_until(lambda: sink.count >= before + 5 or resuming.over(), "more letters")
    assert desk.does("cancel", "--why", "too late", "--json").json["status"] == "cancelled"
    account = resuming.ended().json["account"]
    assert account["adds_up"] and account["pending"] == 0 and account["excluded"]["cancelled"] > 0
    trail = asked(desk.home, "SELECT what, who, why FROM audit WHERE what IN ('paused', 'resumed', 'cancelled') ORDER BY entry")
    assert trail == [("paused", "Ada", "the offer is wrong"), ("resumed", "Grace", None), ("cancelled", "Grace", "too late")]
    assert desk.refused("pause", "--by", "")
