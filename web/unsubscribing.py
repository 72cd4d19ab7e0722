"""Unsubscribing, and asking for fewer letters: the wish is written down as received, and takes effect in the same transaction."""

from collections.abc import Mapping

import orjson

from domain.errors import InputError
from domain.event import EventKind, ReceivedEvent
from domain.ids import event_id_of
from domain.message import LedgerEntry
from domain.preference import Change
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
    """Suppress the address. The event is stored once per message, so that all of it can be repeated at will.

    Raises UnavailableError if it cannot be done, and then nothing was. An erased recipient has no address left to suppress.
    """
    asked = {"one_click": one_click}
    _change(parts, entry, visit, Change(leave=True), kind=EventKind.UNSUBSCRIBED, asked=asked, key=f"unsubscribed|{entry.message_id}")


def prefer(parts: Serving, entry: LedgerEntry, visit: Visit, change: Change, topic: str | None) -> None:
    """Do what was asked for on the page, short of unsubscribing altogether.

    Not to want the topic of the letter at hand any more is an unsubscription too: gates stop a send that drives readers to it.
    """
    asked = {
        "stop": sorted(change.stop),
        "take_up": sorted(change.take_up),
        "resume": change.resume,
        "pause_until": change.pause_until.isoformat() if change.pause_until else None,
    }
    kind = EventKind.UNSUBSCRIBED if topic in change.stop else EventKind.PREFERRED
    key = f"{kind.value}|{entry.message_id}|{orjson.dumps(asked).decode()}|{parts.clock():%Y%m%dT%H%M%S}"
    _change(parts, entry, visit, change, kind=kind, asked=asked, key=key)


def _change(
    parts: Serving, entry: LedgerEntry, visit: Visit, change: Change, *, kind: EventKind, asked: Mapping[str, object], key: str
) -> None:
    at = parts.clock()
    event = ReceivedEvent(
        event_id=event_id_of(SOURCE, key),
        source=SOURCE,
        kind=kind,
        recipient_id=entry.recipient_id,
        message_id=entry.message_id,
        send_id=entry.send_id,
        decision_id=None,
        occurred_at=at,
        received_at=at,
        raw=orjson.dumps({**asked, **visit.said(parts.signer, at)}).decode(),
    )
    parts.preferences.change(event, change, at, detail=f"by a link of message {entry.message_id}")
