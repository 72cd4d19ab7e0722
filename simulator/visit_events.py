"""Visits as the events that the HTTP process would have stored."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import orjson

from domain.event import ReceivedEvent
from domain.ids import RecipientId, SendId, event_id_of, message_id_of
from domain.machine import Trace
from simulator.mailboxes import Mailbox
from simulator.scanners import Visit

SOURCE = "letterpress.web"


def traces_of(
    visits: Iterable[Visit], boxes: Mapping[RecipientId, Mailbox], send_id: SendId, at: datetime
) -> tuple[list[list[Trace]], list[Visit]]:
    """The events of a send handed off at `at`, by message, and the visit behind each in the same order, flattened."""
    by_recipient: defaultdict[RecipientId, list[Visit]] = defaultdict(list)
    for one in visits:
        by_recipient[one.recipient_id].append(one)
    messages = [
        [_trace(one, boxes[who].domain, send_id, at, number) for number, one in enumerate(own)] for who, own in by_recipient.items()
    ]
    return messages, [one for own in by_recipient.values() for one in own]


def _trace(one: Visit, domain: str, send_id: SendId, at: datetime, number: int) -> Trace:
    message = message_id_of(send_id, one.recipient_id)
    said = {
        "link_id": one.link,
        "position": 1,
        "method": "POST" if one.posted else "GET",
        "user_agent": one.agent,
        "network": one.network,
        "purpose": None,
    }
    occurred_at = at + timedelta(seconds=float(one.after))
    event = ReceivedEvent(
        event_id=event_id_of(SOURCE, f"{message}|{number}"),
        source=SOURCE,
        kind=one.kind,
        recipient_id=one.recipient_id,
        message_id=message,
        decision_id=None,
        occurred_at=occurred_at,
        received_at=occurred_at,
        raw=orjson.dumps(said).decode(),
        send_id=send_id,
    )
    return Trace(event, domain, at)
