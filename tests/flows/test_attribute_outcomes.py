"""What comes back after a send: judged, attributed, counted."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import orjson
import pandas as pd
import pytest

from delivery.machines import scoring
from delivery.machines.weights import RULE_VERSION
from domain.event import EventKind, ReceivedEvent
from domain.ids import DecisionId, RecipientId, event_id_of, message_id_of
from domain.machine import Verdict
from domain.send import Send
from flows.attribute_outcomes import attribute_outcomes, attribute_send
from flows.report_send import report_on
from flows.score_machines import score_machines, score_send
from flows.send_campaign import send_campaign
from letterpress.commands.machines import shown
from letterpress.machine_report import machine_report
from runtime.clock import now
from runtime.house import House

pytestmark = [pytest.mark.journey, pytest.mark.usefixtures("prefect")]

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def send(house: House, people: Callable[[int], None]) -> Send:
    """A send of today to forty people."""
    people(60)
    return house.send(send_campaign("weekly", now().replace(microsecond=0)))


def clicked(house: House, send: Send, row: int, after: float = 3_600.0, *, agent: str = BROWSER, link: str = "a") -> ReceivedEvent:
    """A click on the hero of one of the letters, so many seconds after the send."""
    decisions = house.lake.read("decisions", {"send_id": send.send_id})
    hero = decisions[decisions["placement"] == "weekly.hero"].sort_values("recipient_id").iloc[row]
    who, at = RecipientId(hero["recipient_id"]), send.scheduled_at + timedelta(seconds=after)
    said = {"link_id": link, "position": 1, "method": "GET", "user_agent": agent, "network": None, "purpose": None}
    event_id = event_id_of("web", f"{who}|{after}|{agent}|{link}")
    message = message_id_of(send.send_id, who)
    raw = orjson.dumps(said).decode()
    return ReceivedEvent(event_id, "web", EventKind.CLICKED, who, message, DecisionId(hero["decision_id"]), at, at, raw, send.send_id)


def buy(house: House, send: Send, rows: list[tuple[str, str, float, str]]) -> None:
    """Purchases in the lake: id, recipient, days after the send, currency; each of 10."""
    at = pd.to_datetime([send.scheduled_at + timedelta(days=days) for _, _, days, _ in rows], utc=True)
    frame = pd.DataFrame({"purchase_id": [r[0] for r in rows], "recipient_id": [r[1] for r in rows], "currency": [r[3] for r in rows]})
    frame = frame.assign(item="spade", category="garden", quantity=1.0, amount=10.0, occurred_at=at, received_at=at, source="shop")
    house.lake.write("purchases", frame, partition={"source": "shop"}, name="all")


def outcomes(house: House, send: Send) -> pd.DataFrame:
    """The outcomes in the lake."""
    return house.lake.read("outcomes", {"send_id": send.send_id})


def files(house: House, send: Send) -> dict[str, bytes]:
    """The very bytes of them."""
    return {path: Path(path).read_bytes() for path in house.lake.files("outcomes", {"send_id": send.send_id})}


def test_people_count_and_machines_do_not(house: House, send: Send) -> None:
    """Of three letters clicked, one by a scanner, two have outcomes, and the report and the gates know of two."""
    house.events.append([clicked(house, send, 0), clicked(house, send, 1), clicked(house, send, 2, agent="python-requests/2")])
    buy(
        house,
        send,
        [("p1", str(clicked(house, send, 0).recipient_id), 1, "EUR"), ("p2", str(clicked(house, send, 2).recipient_id), 1, "EUR")],
    )
    assert attribute_outcomes() == attribute_send(house, send) == 6  # hero and subject line: two clicks, one purchase
    found = outcomes(house, send)
    assert found.groupby("kind")["recipient_id"].nunique().to_dict() == {"click": 2, "conversion": 1}
    assert found.loc[found["kind"] == "conversion", ["value", "currency"]].drop_duplicates().to_numpy().tolist() == [[10.0, "EUR"]]
    assert sum(arm.clicked for arm in report_on(house, send).arms) == 2
    assert house.events.counts_of_send(send.send_id, [EventKind.CLICKED])[EventKind.CLICKED] == 2


def test_a_label_is_learned_from_once_it_has_settled(house: House, send: Send) -> None:
    """Outcomes are known ten minutes after their click: no model learns from a click that a scanner's next request may expose."""
    house.events.append([clicked(house, send, 0)])
    attribute_send(house, send)
    assert set(outcomes(house, send)["received_at"]) == {pd.Timestamp(send.scheduled_at + timedelta(minutes=70))}


def test_late_events_rewrite_and_repeating_does_not(house: House, send: Send) -> None:
    """Whatever the order in which clicks and purchases come in, the files end up the same, byte for byte."""
    first, second = clicked(house, send, 0, 600), clicked(house, send, 1, 500)
    bought = [("p1", str(first.recipient_id), 1.0, "EUR"), ("p2", str(first.recipient_id), 1.0, "USD")]
    house.events.append([second])
    assert attribute_send(house, send) == 2
    before = files(house, send)
    assert attribute_send(house, send) == 2 and files(house, send) == before
    house.events.append([first])
    buy(house, send, bought[::-1])
    assert attribute_send(house, send) == 8
    late = files(house, send)
    assert late != before
    buy(house, send, bought)
    assert attribute_send(house, send) == 8 and files(house, send) == late


def test_what_is_given_back_is_taken_from_the_same_decisions(house: House, send: Send) -> None:
    """A refund is told days after the order and occurred when that did: the revenue of its decisions is less by it, and no more."""
    house.events.append([clicked(house, send, 0)])
    who, at = str(clicked(house, send, 0).recipient_id), pd.Timestamp(send.scheduled_at + timedelta(days=1))
    line = {"recipient_id": who, "item": "spade", "category": "garden", "currency": "EUR", "source": "shop", "occurred_at": at}
    lines = [
        line | {"purchase_id": "p1", "quantity": 2.0, "amount": 30.0, "received_at": at},
        line | {"purchase_id": "p1-back", "quantity": -1.0, "amount": -15.0, "received_at": at + pd.Timedelta(days=4)},
    ]
    house.lake.write("purchases", pd.DataFrame(lines), partition={"source": "shop"}, name="all")
    attribute_send(house, send)
    found = outcomes(house, send)
    assert found[found["kind"] == "conversion"].groupby("decision_id")["value"].sum().tolist() == [15.0, 15.0]  # the hero's, the subject's
    assert sorted(set(found["received_at"]))[-1] > at + pd.Timedelta(days=4)


def test_what_shows_a_machine_later_takes_its_outcomes_back(house: House, send: Send) -> None:
    """A click that looked like a person's is a scanner's once the other links of the burst have come in."""
    house.events.append([clicked(house, send, 0, 900)])
    assert attribute_send(house, send) == 2
    house.events.append([clicked(house, send, 0, 901 + k, link=f"l{k}") for k in range(5)])
    assert attribute_send(house, send) == 0
    assert outcomes(house, send).empty


def test_other_rules_judge_again_and_the_same_do_not(house: House, send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts carry the version of the rules; a new version judges everything anew from the raw payloads."""
    house.events.append([clicked(house, send, row) for row in range(3)])
    assert score_machines() == 3
    assert score_machines() == 0 == score_send(house, send, now())
    monkeypatch.setattr(scoring, "RULE_VERSION", "next")
    monkeypatch.setattr("flows.score_machines.RULE_VERSION", "next")
    assert score_machines() == 3
    assert score_machines() == 0
    assert house.verdicts.are_current(send.send_id, "next") and not house.verdicts.are_current(send.send_id, RULE_VERSION)


def test_closed_labels_stay(house: House, send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the windows and the wait for what is late, nothing that comes in changes the outcomes of a send."""
    house.events.append([clicked(house, send, 0)])
    assert attribute_send(house, send) == 2
    before = files(house, send)
    house.events.append([clicked(house, send, 1)])
    monkeypatch.setattr("flows.attribute_outcomes.now", lambda: send.scheduled_at + timedelta(days=17, seconds=1))
    assert attribute_outcomes() == 0
    assert attribute_send(house, send) == 2 and files(house, send) == before


def test_the_report_says_who_was_behind_it_and_why(house: House, send: Send) -> None:
    """Events by kind and verdict, reasons of what is left out, and a sentence."""
    house.events.append([clicked(house, send, 0), clicked(house, send, 1, agent="curl/8"), clicked(house, send, 2, 5, agent="")])
    found = machine_report(house, None, days=1, at=now())
    (clicks,) = found.kinds
    assert (clicks.events, clicks.counted, clicks.by_verdict[Verdict.MACHINE.value]) == (3, 1, 2)
    assert {one.reason: one.events for one in found.reasons}["no agent"] == 1
    assert found.sentence.startswith("2 of 3 clicks (66.7%) are left out")
    assert shown(found)
