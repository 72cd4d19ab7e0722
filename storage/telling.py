"""What ESPs told, as events: whose they are by the ledger, and what they mean for further letters, in one transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.bounce import BounceClass, Strike, StrikeRule, struck_out
from domain.event import EventKind
from domain.ids import MessageId, RecipientId, SendId
from domain.message import SuppressionReason
from domain.privacy import is_erased
from domain.recipient import normalised
from domain.webhook import StoredTelling, Told
from storage.database import Database, batches
from storage.erased_addresses import erased_among
from storage.schema import bounces, events, messages, recipients, suppressions

_WISHES = frozenset({SuppressionReason.COMPLAINED, SuppressionReason.UNSUBSCRIBED})
_STRIKES = frozenset({BounceClass.SOFT, BounceClass.UNDETERMINED})
Suppressed = tuple[SuppressionReason, str]
"""Why an address is to be suppressed, and who said so."""
_ARRIVED = (EventKind.DELIVERED, EventKind.OPENED, EventKind.CLICKED)


@dataclass(frozen=True, slots=True)
class Known:
    """Whose events are: recipient and send by message; message by recipient and the ESP's id; recipient by normalised address.

    `addresses`: by recipient.
    """

    by_message: Mapping[MessageId, tuple[RecipientId, SendId]] = field(default_factory=dict)
    by_esp_id: Mapping[tuple[RecipientId, str], MessageId] = field(default_factory=dict)
    by_address: Mapping[str, RecipientId] = field(default_factory=dict, repr=False)
    addresses: Mapping[RecipientId, str] = field(default_factory=dict, repr=False)

    def message_of(self, told: Told) -> MessageId | None:
        """Our id, if one came back, whoever's it is; else that of the letter to this address which the ESP took under its own id."""
        if told.heard.message_id or not (who := self._by_address(told)):
            return told.heard.message_id
        return self.by_esp_id.get((who, _bare(told.heard.esp_message_id)))

    def recipient_of(self, told: Told) -> RecipientId | None:
        """By the message; else by the address, unless nobody knows what was told."""
        if found := self._letter(told):
            return found[0]
        return None if told.heard.kind is EventKind.UNKNOWN else self._by_address(told)

    def send_of(self, told: Told) -> SendId | None:
        """By the message."""
        return found[1] if (found := self._letter(told)) else None

    def _letter(self, told: Told) -> tuple[RecipientId, SendId] | None:
        message = self.message_of(told)
        return self.by_message.get(message) if message else None

    def _by_address(self, told: Told) -> RecipientId | None:
        return self.by_address.get(normalised(told.heard.address)) if told.heard.address else None


def whose(connection: Connection, told: Sequence[Told]) -> Known:
    """Look up whose these are."""
    by_message = _by_message(connection, {one.heard.message_id for one in told if one.heard.message_id})
    strangers = {normalised(one.heard.address) for one in told if one.heard.address and one.heard.message_id not in by_message}
    found = _pairs(connection, recipients.c.address_normalised, recipients.c.recipient_id, strangers)
    by_address = {address: RecipientId(who) for address, who in found}
    letters = _by_esp_id(connection, told, by_address)
    by_esp_id = {key: message for key, (message, _) in letters.items()}
    known = Known(by_message | {message: (who, send) for (who, _), (message, send) in letters.items()}, by_esp_id, by_address)
    matter = {who for one in told if (one.heard.suppresses or _strikes(one)) and (who := known.recipient_of(one))}
    addresses = {RecipientId(who): address for who, address in _pairs(connection, recipients.c.recipient_id, recipients.c.address, matter)}
    return replace(known, addresses=addresses)


class Telling:
    """Writes down what was told. All of it can be repeated."""

    def __init__(self, database: Database, rule: StrikeRule) -> None:
        self._database, self._rule = database, rule

    def store(self, connection: Connection, told: Sequence[Told], known: Known, at: datetime) -> StoredTelling:
        """Store events that are not there yet, how bounces were read, and the suppressions that follow."""
        unique = {one.event_id: one for one in told}
        new = self._insert_events(connection, unique, known)
        read = [_bounce_row(event_id, one) for event_id, one in unique.items() if one.heard.bounce and event_id in new]
        for batch in batches(read):
            connection.execute(self._database.insert(bounces).on_conflict_do_nothing(), batch)
        struck = {event_id: unique[event_id] for event_id in new if _strikes(unique[event_id])}
        wanted = {**_struck_out(connection, struck.values(), known, self._rule), **_at_once(unique.values(), known)}
        suppressed = self._suppress(connection, wanted, at)
        nobodys = sum(known.recipient_of(unique[event_id]) is None for event_id in new)
        return StoredTelling(len(new), len(told) - len(new), suppressed, nobodys)

    def _insert_events(self, connection: Connection, unique: Mapping[str, Told], known: Known) -> set[str]:
        insert = self._database.insert(events).on_conflict_do_nothing().returning(events.c.event_id)
        rows = [_event_row(event_id, one, known) for event_id, one in unique.items()]
        return {event_id for batch in batches(rows) for event_id in connection.scalars(insert, batch)}

    def _suppress(self, connection: Connection, wanted: Mapping[str, Suppressed], at: datetime) -> int:
        """The first record of an address stays. The erased are not written to anyway, and their addresses not to be written down."""
        erased = erased_among(connection, wanted) if wanted else set()
        rows = [
            {"address_normalised": address, "reason": why.value, "detail": f"told by {source}", "suppressed_at": at}
            for address, (why, source) in sorted(wanted.items())
            if address not in erased
        ]
        insert = self._database.insert(suppressions).on_conflict_do_nothing().returning(suppressions.c.address_normalised)
        return sum(len(connection.execute(insert, batch).all()) for batch in batches(rows))


def _event_row(event_id: str, told: Told, known: Known) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "source": told.source,
        "kind": told.heard.kind.value,
        "recipient_id": known.recipient_of(told),
        "message_id": known.message_of(told),
        "decision_id": None,
        "occurred_at": told.occurred_at,
        "received_at": told.received_at,
        "raw": "{}" if is_erased(known.recipient_of(told)) else told.heard.raw,
        "send_id": known.send_of(told),
    }


def _bounce_row(event_id: str, told: Told) -> dict[str, Any]:
    bounce = told.heard.bounce
    assert bounce is not None  # noqa: S101 - asked before
    return {"event_id": event_id, "kind": bounce.kind.value, "cause": bounce.cause.value, "status": bounce.status, "said": bounce.said}


def _at_once(told: Iterable[Told], known: Known) -> dict[str, Suppressed]:
    """Address → why and by whom. A wish holds for the address that it came from and for the one that its person has now."""
    wanted: dict[str, Suppressed] = {}
    for one in told:
        if why := one.heard.suppresses:
            current = known.addresses.get(who) if (who := known.recipient_of(one)) else None
            told_of = [one.heard.address, current] if why in _WISHES else [one.heard.address or current]
            wanted |= {normalised(address): (why, one.source) for address in told_of if address}
    return wanted


def _strikes(told: Told) -> bool:
    return told.heard.kind is EventKind.BOUNCED and told.heard.bounce is not None and told.heard.bounce.kind in _STRIKES


def _struck_out(connection: Connection, told: Iterable[Told], known: Known, rule: StrikeRule) -> dict[str, Suppressed]:
    """Addresses of recipients who have bounced softly once more, and often enough by now."""
    struck = {who: one for one in told if (who := known.recipient_of(one))}
    logs = _logs(connection, struck)
    wanted: dict[str, Suppressed] = {}
    for who, one in struck.items():
        address = one.heard.address or known.addresses.get(who)
        if address and struck_out(logs.get(who, ()), rule):
            wanted[normalised(address)] = (SuppressionReason.SOFT_BOUNCED, one.source)
    return wanted


def _logs(connection: Connection, who: Collection[RecipientId]) -> dict[RecipientId, list[Strike]]:
    """What letters to these recipients came to, as far as it counts for strikes."""
    soft = sa.and_(events.c.kind == EventKind.BOUNCED.value, bounces.c.kind.in_([kind.value for kind in _STRIKES]))
    arrived = events.c.kind.in_([kind.value for kind in _ARRIVED])
    query = (
        sa.select(events.c.recipient_id, events.c.message_id, events.c.occurred_at, arrived)
        .outerjoin(bounces, bounces.c.event_id == events.c.event_id)
        .where(sa.or_(soft, arrived), events.c.message_id.is_not(None))
    )
    logs: dict[RecipientId, list[Strike]] = {}
    for batch in batches(sorted(who)):
        for recipient, message, at, got_there in connection.execute(query.where(events.c.recipient_id.in_(batch))):
            logs.setdefault(recipient, []).append(Strike(message, at, bool(got_there)))
    return logs


def _by_message(connection: Connection, ids: Collection[MessageId]) -> dict[MessageId, tuple[RecipientId, SendId]]:
    found: dict[MessageId, tuple[RecipientId, SendId]] = {}
    query = sa.select(messages.c.message_id, messages.c.recipient_id, messages.c.send_id)
    for batch in batches(sorted(ids)):
        rows = connection.execute(query.where(messages.c.message_id.in_(batch)))
        found |= {MessageId(message): (RecipientId(who), SendId(send)) for message, who, send in rows}
    return found


def _by_esp_id(
    connection: Connection, told: Sequence[Told], by_address: Mapping[str, RecipientId]
) -> dict[tuple[RecipientId, str], tuple[MessageId, SendId]]:
    """Recipient and ESP's id → letter, for events without an id of ours.

    Looked for among the letters to the address: one call's letters may share one id of the ESP's, and an id that somebody else's letter
    has at the same ESP finds none of ours.
    """
    named = [one.heard for one in told if not one.heard.message_id and one.heard.esp_message_id and one.heard.address]
    theirs = {_bare(heard.esp_message_id) for heard in named if normalised(heard.address or "") in by_address}
    who = sorted({by_address[address] for heard in named if (address := normalised(heard.address or "")) in by_address})
    columns = (messages.c.recipient_id, messages.c.esp_message_id, messages.c.message_id, messages.c.send_id)
    found: dict[tuple[RecipientId, str], tuple[MessageId, SendId]] = {}
    for batch in batches(who):
        query = sa.select(*columns).where(messages.c.recipient_id.in_(batch), messages.c.esp_message_id.is_not(None))
        for recipient, esp_id, message, send in connection.execute(query):
            if _bare(esp_id) in theirs:
                found[RecipientId(recipient), _bare(esp_id)] = MessageId(message), SendId(send)
    return found


def _bare(esp_message_id: str | None) -> str:
    """Without the brackets that an ESP has about it in one place and not in another."""
    return (esp_message_id or "").strip("<>")


def _pairs(connection: Connection, key: sa.Column[Any], value: sa.Column[Any], keys: Collection[str]) -> list[tuple[str, str]]:
    return [(a, b) for batch in batches(sorted(keys)) for a, b in connection.execute(sa.select(key, value).where(key.in_(batch)))]
