"""Who unsubscribed, complained or got a letter back, and whose letters never left."""

from domain.event import EventKind
from domain.machine import Judgement, Verdict
from domain.message import MessageStatus
from storage.database import Database
from storage.events import Events
from storage.reach import unreached
from storage.setbacks import Setbacks
from storage.verdicts import Verdicts
from tests.storage.departing import AT, event, open_send, put


def test_setbacks_are_those_of_people_by_send(database: Database) -> None:
    """Drops and refusals are bounces; what a machine brought about is none, and other sends keep theirs."""
    send_id, other = open_send(database, "s"), open_send(database, "t")
    put(database, send_id, range(9), MessageStatus.ACCEPTED)
    put(database, send_id, [9], MessageStatus.REJECTED)
    kinds = (EventKind.BOUNCED, EventKind.DROPPED, EventKind.COMPLAINED, EventKind.UNSUBSCRIBED, EventKind.UNSUBSCRIBED, EventKind.OPENED)
    told = [event(send_id, number, kind) for number, kind in enumerate(kinds)]
    Events(database).append([*told, event(other, 7, EventKind.COMPLAINED)])
    Verdicts(database).write(send_id, [Judgement(told[4].event_id, Verdict.MACHINE, -80, ("agent",), "1")], AT)
    found = Setbacks(database).of([send_id]).to_pylist()
    assert sorted((row["recipient_id"], row["kind"]) for row in found) == [
        ("r0", "bounced"),
        ("r1", "bounced"),
        ("r2", "complained"),
        ("r3", "unsubscribed"),
        ("r9", "bounced"),
    ]
    assert {row["occurred_at"] for row in found} == {AT} and {row["send_id"] for row in found} == {send_id}
    assert Setbacks(database).of([]).num_rows == 0


def test_letters_that_no_esp_took_are_told(database: Database) -> None:
    """Whatever became of them."""
    send_id = open_send(database, "s")
    put(database, send_id, range(3), MessageStatus.ACCEPTED)
    put(database, send_id, [3], MessageStatus.REJECTED)
    put(database, send_id, [4], MessageStatus.UNKNOWN)
    assert sorted(unreached(database, [send_id])["recipient_id"].to_pylist()) == ["r3", "r4"]
