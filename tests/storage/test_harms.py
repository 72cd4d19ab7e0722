"""Who was harmed by a send."""

from datetime import UTC, datetime

from domain.event import EventKind, ReceivedEvent
from domain.ids import MessageId, RecipientId, SendId
from domain.machine import Judgement, Verdict
from storage.database import Database
from storage.events import Events
from storage.harms import Harms
from storage.verdicts import Verdicts

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
SEND = SendId("weekly-1")


def event(key: str, kind: EventKind, who: str, send: SendId = SEND) -> ReceivedEvent:
    """Something that happened to somebody's letter."""
    return ReceivedEvent(key, "esp", kind, RecipientId(who), MessageId(f"m-{who}"), None, AT, AT, "{}", send)


def test_each_recipient_counts_once_and_machines_do_not(database: Database) -> None:
    """A letter that bounced and was dropped is one; what a scanner unsubscribed is nobody's leaving; other sends are others'."""
    Events(database).append(
        [
            event("1", EventKind.BOUNCED, "a"),
            event("2", EventKind.DROPPED, "a"),
            event("3", EventKind.UNSUBSCRIBED, "b"),
            event("4", EventKind.UNSUBSCRIBED, "c"),
            event("5", EventKind.COMPLAINED, "d"),
            event("6", EventKind.COMPLAINED, "e", SendId("weekly-2")),
            event("7", EventKind.CLICKED, "f"),
        ]
    )
    Verdicts(database).write(SEND, [Judgement("4", Verdict.MACHINE, -80, ("agent",), "1")], AT)
    assert Harms(database).of(SEND) == {EventKind.BOUNCED: {"a"}, EventKind.UNSUBSCRIBED: {"b"}, EventKind.COMPLAINED: {"d"}}
    assert Harms(database).of(SendId("none")) == dict.fromkeys(
        [EventKind.BOUNCED, EventKind.UNSUBSCRIBED, EventKind.COMPLAINED], frozenset()
    )
