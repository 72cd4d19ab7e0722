"""Sends, letters and events in the database, as far as departures look at them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import sqlalchemy as sa

from domain.event import EventKind, ReceivedEvent
from domain.ids import CampaignId, ContentVersion, MessageId, RecipientId, SendId, event_id_of, message_id_of
from domain.message import MessageStatus
from domain.send import Send, SendStatus
from storage.database import Database
from storage.schema import messages
from storage.sends import Sends

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
DOMAIN = "fern.example"


def open_send(
    database: Database, send_id: str, *, domain: str = DOMAIN, status: SendStatus = SendStatus.RUNNING, at: datetime = AT
) -> SendId:
    """A send of a domain."""
    campaign = CampaignId(send_id)
    send = Send(SendId(send_id), campaign, AT, AT, ContentVersion("c"), None, 1, "folder", "http://x.example", "k")
    Sends(database).open(replace(send, sender_domain=domain, status=status), at)
    return send.send_id


def put(database: Database, send_id: SendId, numbers: Iterable[int], status: MessageStatus, at: datetime = AT) -> list[MessageId]:
    """Letters to r<number> that stand like this, claimed and answered at an instant."""
    answered = None if status is MessageStatus.SENDING else at
    rows = [
        {
            "message_id": message_id_of(send_id, RecipientId(f"r{number}")),
            "send_id": send_id,
            "recipient_id": f"r{number}",
            "shard": 0,
            "status": status.value,
            "attempt": 1,
            "claimed_at": None if status is MessageStatus.FAILED else at,
            "answered_at": answered,
        }
        for number in numbers
    ]
    with database.begin() as connection:
        connection.execute(sa.insert(messages), rows)
    return [row["message_id"] for row in rows]  # type: ignore[misc]


def event(send_id: SendId, number: int, kind: EventKind, *, at: datetime = AT, key: str = "") -> ReceivedEvent:
    """Something that happened to the letter to r<number>."""
    who = RecipientId(f"r{number}")
    name = event_id_of("esp", f"{kind}|{send_id}|{who}|{key}")
    return ReceivedEvent(name, "esp", kind, who, message_id_of(send_id, who), None, at, at, "{}", send_id)
