"""Verdicts: kept once, replaced when they change, and left out of what is counted."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd

from domain.event import EventKind, ReceivedEvent
from domain.ids import MessageId, RecipientId, SendId, event_id_of
from domain.machine import Judgement, Verdict, VerdictCount
from domain.message import MessageStatus
from domain.recipient import normalised
from storage.database import Database
from storage.events import Events
from storage.recipients import Recipients
from storage.schema import messages
from storage.verdicts import Verdicts

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
SEND = SendId("weekly-1")


def event(number: int, kind: EventKind = EventKind.CLICKED, message: str = "m1") -> ReceivedEvent:
    """An event about a message of the send."""
    who = RecipientId(f"r-{message}")
    return ReceivedEvent(event_id_of("web", str(number)), "web", kind, who, MessageId(message), None, AT, AT, "{}", SEND)


def judgement(one: ReceivedEvent, verdict: Verdict, score: int = 0, *reasons: str, rules: str = "1") -> Judgement:
    """A verdict on an event."""
    return Judgement(one.event_id, verdict, score, reasons, rules)


def ids(events: Sequence[ReceivedEvent]) -> set[str]:
    """Their ids."""
    return {one.event_id for one in events}


def test_verdicts_are_written_once(database: Database) -> None:
    """Writing tells what is new or different; saying the same again changes nothing, not even when it was said."""
    verdicts, (one, two) = Verdicts(database), (event(1), event(2))
    Events(database).append([one, two])
    first = [judgement(one, Verdict.MACHINE, -80, "no agent"), judgement(two, Verdict.UNCLEAR)]
    assert verdicts.write(SEND, first, AT) == 2
    assert verdicts.write(SEND, first, AT + timedelta(hours=1)) == 0
    assert verdicts.write(SEND, [first[0], replace(first[1], rule_version="2")], AT) == 1
    assert verdicts.write(SEND, [], AT) == 0


def test_a_send_is_current_until_something_comes_or_the_rules_change(database: Database) -> None:
    """Only events that machines may be behind are waited for."""
    verdicts, events = Verdicts(database), Events(database)
    assert verdicts.are_current(SEND, "1")
    events.append([event(1), event(2, EventKind.BOUNCED)])
    assert not verdicts.are_current(SEND, "1")
    verdicts.write(SEND, [judgement(event(1), Verdict.HUMAN)], AT)
    assert verdicts.are_current(SEND, "1") and not verdicts.are_current(SEND, "2")
    events.append([event(3, EventKind.OPENED, "m2")])
    assert not verdicts.are_current(SEND, "1")


def test_gates_count_without_machines(database: Database) -> None:
    """Messages are counted by events of people: those judged to be machines' are left out, those not judged yet are not."""
    verdicts, events = Verdicts(database), Events(database)
    clicks = [event(number, message=f"m{number}") for number in range(5)]
    events.append([*clicks, event(9, EventKind.BOUNCED), event(10, EventKind.UNSUBSCRIBED, "m7")])
    verdicts.write(SEND, [judgement(one, verdict) for one, verdict in zip(clicks, Verdict, strict=True)], AT)
    verdicts.write(SEND, [judgement(event(10), Verdict.SUSPECTED)], AT)
    found = events.counts_of_send(SEND, [EventKind.CLICKED, EventKind.BOUNCED, EventKind.UNSUBSCRIBED])
    assert found == {EventKind.CLICKED: 3, EventKind.BOUNCED: 1}
    assert ids([one.event for one in verdicts.by_people(SEND, EventKind.CLICKED)]) == ids(clicks[2:])


def test_events_come_message_by_message_with_what_is_known(database: Database) -> None:
    """The mail domain, but not the address, and when the letter was handed off; unknown recipients and messages are no obstacle."""
    known = pd.DataFrame([{
        "recipient_id": "r-m1", "address": "Ann@Mail.Example", "address_normalised": normalised("Ann@Mail.Example"), "time_zone": "UTC",
        "locale": "en", "consent": True, "created_at": pd.Timestamp(AT), "attributes": "{}",
    }])  # fmt: skip
    Recipients(database).upsert(known, AT)
    row = {"message_id": "m1", "send_id": SEND, "recipient_id": "r-m1", "shard": 0, "status": MessageStatus.ACCEPTED.value, "attempt": 1}
    with database.begin() as connection:
        connection.execute(messages.insert(), row | {"answered_at": AT - timedelta(minutes=1)})
    Events(database).append([event(1), event(2, message="m2"), event(3), event(4, EventKind.DELIVERED)])
    found = list(Verdicts(database).messages_of(SEND))
    assert [{trace.event.message_id for trace in message} for message in found] == [{"m1"}, {"m2"}]
    assert ids([trace.event for trace in found[0]]) == ids([event(1), event(3)])
    assert {(trace.domain, trace.handed_off_at) for trace in found[0]} == {("mail.example", AT - timedelta(minutes=1))}
    assert [(trace.domain, trace.handed_off_at) for trace in found[1]] == [(None, None)]


def test_counts_are_by_kind_verdict_and_reasons(database: Database) -> None:
    """What was not judged yet is counted too, without a verdict."""
    verdicts = Verdicts(database)
    Events(database).append([event(number) for number in range(4)])
    verdicts.write(SEND, [judgement(event(number), Verdict.MACHINE, -80, "a", "b") for number in range(3)], AT)
    assert set(verdicts.counts([SEND])) == {
        VerdictCount(EventKind.CLICKED, Verdict.MACHINE, ("a", "b"), 3),
        VerdictCount(EventKind.CLICKED, None, (), 1),
    }
    assert verdicts.counts([]) == []
