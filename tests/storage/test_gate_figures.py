"""What gates are judged by is counted once per letter."""

from datetime import timedelta

from domain.event import EventKind
from domain.gates import GateCounts
from domain.ids import SendId
from domain.machine import Judgement, Verdict
from domain.message import MessageStatus
from storage.database import Database
from storage.events import Events
from storage.gate_figures import GateFigures
from storage.verdicts import Verdicts
from tests.storage.departing import AT, event, open_send, put


def test_each_letter_counts_once_per_kind(database: Database) -> None:
    """A letter that bounced twice, or was dropped too, bounced once; so did one refused at once. Other sends count for themselves."""
    send_id, other = open_send(database, "s"), open_send(database, "t")
    put(database, send_id, range(90), MessageStatus.ACCEPTED)
    put(database, send_id, range(90, 95), MessageStatus.REJECTED)
    put(database, send_id, range(95, 98), MessageStatus.FAILED)
    put(database, send_id, [98], MessageStatus.SENDING)
    put(database, send_id, [99], MessageStatus.UNKNOWN)
    put(database, other, range(50), MessageStatus.ACCEPTED)
    happened = [
        event(send_id, 1, EventKind.BOUNCED),
        event(send_id, 1, EventKind.BOUNCED, key="again"),
        event(send_id, 90, EventKind.BOUNCED),
    ]
    happened += [event(send_id, 2, EventKind.COMPLAINED), event(send_id, 3, EventKind.UNSUBSCRIBED), event(send_id, 4, EventKind.CLICKED)]
    happened += [event(other, 5, EventKind.BOUNCED), event(send_id, 5, EventKind.DEFERRED)]
    happened += [event(send_id, 1, EventKind.DROPPED), event(send_id, 6, EventKind.DROPPED)]
    Events(database).append(happened)
    figures = GateFigures(database)
    assert figures.of(send_id) == GateCounts(handed_off=95, bounced=7, complained=1, unsubscribed=1, failed=3)
    assert figures.of(other) == GateCounts(handed_off=50, bounced=1)
    assert figures.of(SendId("none")) == GateCounts()
    assert figures.happened(send_id, handed_off=7).handed_off == 7
    assert figures.at_most(send_id) == GateCounts(bounced=10, complained=1, unsubscribed=1, failed=3)  # events, not letters: never too few


def test_letters_claimed_before_an_instant_can_be_left_out(database: Database) -> None:
    """After a resumption only later letters count, also when the bounce of an earlier one comes late."""
    send_id, later = open_send(database, "s"), AT + timedelta(hours=1)
    for first, at in ((0, AT), (100, later)):
        put(database, send_id, range(first, first + 10), MessageStatus.ACCEPTED, at)
        put(database, send_id, range(first + 10, first + 12), MessageStatus.REJECTED, at)
        put(database, send_id, range(first + 12, first + 13), MessageStatus.FAILED, at)
    Events(database).append([event(send_id, 1, EventKind.BOUNCED, at=later), event(send_id, 101, EventKind.BOUNCED, at=later)])
    assert GateFigures(database).of(send_id, since=AT) == GateCounts(handed_off=12, bounced=3, failed=1)


def test_what_machines_do_trips_no_gate(database: Database) -> None:
    """A scanner that unsubscribes is kept and does not count; what is not judged yet does."""
    send_id = open_send(database, "s")
    put(database, send_id, range(3), MessageStatus.ACCEPTED)
    happened = [event(send_id, number, EventKind.UNSUBSCRIBED) for number in range(3)]
    Events(database).append(happened)
    judged = [Judgement(happened[0].event_id, Verdict.MACHINE, -90, (), "1"), Judgement(happened[1].event_id, Verdict.HUMAN, 60, (), "1")]
    Verdicts(database).write(send_id, judged, AT)
    assert GateFigures(database).of(send_id).unsubscribed == 2
