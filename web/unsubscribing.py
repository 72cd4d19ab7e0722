"""Unsubscribing: the wish is written down as received, then the address is suppressed. Both can be repeated at will."""

import orjson

from domain.errors import InputError
from domain.event import EventKind, ReceivedEvent
from domain.ids import MessageId, event_id_of
from domain.message import LedgerEntry, SuppressionReason
from web.clicks import SOURCE
from web.parts import Serving
from web.visit import Visit


def entry_of(parts: Serving, token: str) -> LedgerEntry:
    """The message that an unsubscribe token was signed for. Raises InputError for a forged token or an unknown message."""
    entry = parts.messages.message(parts.signer.read_unsubscribe(token))
    if entry is None:
        raise InputError("this link belongs to a letter that is not in the ledger")
    return entry


def unsubscribe(parts: Serving, entry: LedgerEntry, visit: Visit, *, one_click: bool) -> None:
    """Store the event, then suppress the address. Raises UnavailableError if either cannot be done.

    The event comes first and is stored once per message: if suppressing fails, the reader's or their provider's next
    attempt finds it there and goes on to suppress. An erased recipient has no address left to suppress.
    """
    at = parts.clock()
    said = {"one_click": one_click, **visit.said()}
    event = ReceivedEvent(
        event_id=event_id_of(SOURCE, f"unsubscribed|{entry.message_id}"),
        source=SOURCE,
        kind=EventKind.UNSUBSCRIBED,
        recipient_id=entry.recipient_id,
        message_id=entry.message_id,
        decision_id=None,
        occurred_at=at,
        received_at=at,
        raw=orjson.dumps(said).decode(),
    )
    parts.events.append([event])
    if address := parts.address_book.address_of(entry.recipient_id):
        parts.suppressions.add(address, SuppressionReason.UNSUBSCRIBED, at, detail=_detail(entry.message_id))


def _detail(message_id: MessageId) -> str:
    return f"by a link of message {message_id}"
