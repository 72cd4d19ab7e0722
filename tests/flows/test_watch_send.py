"""What gates and the lake are told has been judged first: machines' doings reach neither."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import orjson
import pytest
import sqlalchemy as sa

from delivery.departures.gates import Holds, Tripped
from domain.departure import Gates
from domain.event import EventKind, ReceivedEvent
from domain.ids import CampaignId, ContentVersion, RecipientId, SendId, event_id_of, message_id_of, send_id_of
from domain.send import Send, SendStatus
from flows.collect_feedback import collect_closed
from flows.score_machines import score_send
from flows.watch_send import Watch
from runtime.clock import now
from runtime.house import House
from storage.gate_figures import GateFigures
from storage.schema import messages
from tests.storage.people import add

AT = now().replace(microsecond=0) - timedelta(days=2)
SEND = send_id_of(CampaignId("weekly"), AT)
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SCANNER = "Barracuda Sentinel (EE)"


@pytest.fixture
def running(house: House) -> House:
    """A send of forty letters, taken by the ESP, that is under way."""
    send = Send(SEND, CampaignId("weekly"), AT, AT, ContentVersion("v1"), None, 1, "folder", "http://127.0.0.1", "k1")
    house.sends.open(send, AT)
    house.sends.set_status(SEND, SendStatus.RUNNING, None, AT, expected=None)
    for number in range(40):
        add(house.database, who(number), address=f"r{number}@example.org")
    rows = [
        {
            "message_id": message_id_of(SEND, who(number)),
            "send_id": SEND,
            "recipient_id": who(number),
            "shard": 0,
            "attempt": 1,
            "status": "accepted",
            "claimed_at": AT,
            "answered_at": AT,
        }
        for number in range(40)
    ]
    with house.database.begin() as connection:
        connection.execute(sa.insert(messages), rows)
    return house


def who(number: int) -> RecipientId:
    """A recipient."""
    return RecipientId(f"r{number}")


def left(house: House, numbers: Sequence[int], agent: str, kind: EventKind = EventKind.UNSUBSCRIBED, at: datetime = AT) -> None:
    """These unsubscribe by the ESP's own link, as this program."""
    for number in numbers:
        raw = orjson.dumps({"event": kind, "user_agent": agent, "url": "https://esp.example/u"}).decode()
        after = at + timedelta(hours=1, minutes=number)
        message = message_id_of(SEND, who(number))
        key = event_id_of("esp", f"{kind}|{number}|{agent}")
        house.events.append([ReceivedEvent(key, "esp", kind, who(number), message, None, after, after, raw, SEND)])


def watch(house: House) -> Watch:
    """The watch over the send, with a gate at a tenth."""
    return Watch(house, SendId(SEND), None, Gates(unsubscribes=0.1, bounces=0.1, minimum=10), None, GateFigures(house.database))


def test_a_gate_does_not_trip_on_machines(running: House) -> None:
    """Ten scanners that follow the ESP's unsubscribe link are judged before the gate is, and nothing trips."""
    left(running, range(10), SCANNER)
    assert isinstance(watch(running).verdict(), Holds)
    assert watch(running)() is SendStatus.RUNNING


def test_a_gate_trips_on_people(running: House) -> None:
    """Five of forty people are too many, whatever machines did beside them."""
    left(running, range(10), SCANNER)
    left(running, range(20, 25), BROWSER)
    verdict = watch(running).verdict()
    assert isinstance(verdict, Tripped) and [figure.count for figure in verdict.over] == [5]
    assert watch(running)() is SendStatus.PAUSED


def test_bounces_are_nobodys_clicks(running: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate that trips on bounces does so at once: no machine brings them about, so nothing is read for them."""
    monkeypatch.setattr("flows.watch_send.score_send", None)
    left(running, range(10), "", EventKind.BOUNCED)
    assert isinstance(watch(running).verdict(), Tripped)


def test_machines_are_told_once_per_number_of_those_who_left(running: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judging reads all events of a send, so it is not done again before every claim while nobody else has left."""
    watching, judged = watch(running), list[SendId]()

    def counted(house: House, send: Send, at: datetime) -> int:
        judged.append(send.send_id)
        return score_send(house, send, at)

    monkeypatch.setattr("flows.watch_send.score_send", counted)
    left(running, range(10), SCANNER)
    left(running, range(20, 24), BROWSER)
    assert not any(isinstance(watching.verdict(), Tripped) for _ in range(3))
    assert judged == [SEND]
    left(running, range(24, 25), BROWSER)
    assert isinstance(watching.verdict(), Tripped)


def test_what_machines_did_is_not_collected(running: House) -> None:
    """The lake's days have the clicks of people alone, though nobody had judged any of them before."""
    left(running, range(10), SCANNER, EventKind.CLICKED)
    left(running, range(20, 23), BROWSER, EventKind.CLICKED)
    collect_closed(running)
    found = running.lake.dataset("events").to_table().to_pandas()
    assert sorted(found["recipient_id"]) == ["r20", "r21", "r22"]
