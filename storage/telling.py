"""What ESPs told, as events: whose they are by the ledger, and what they mean for further letters, in one transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
    """Whose events are: recipient and send by message; recipient by normalised address; addresses by recipient."""

    by_message: Mapping[MessageId, tuple[RecipientId, SendId]] = field(default_factory=dict)
    by_address: Mapping[str, RecipientId] = field(default_factory=dict, repr=False)
    addresses: Mapping[RecipientId, str] = field(default_factory=dict, repr=False)

    def recipient_of(self, told: Told) -> RecipientId | None:
        """By our message id, which came back; else by the address, unless nobody knows what was told."""
        found = self.by_message.get(told.heard.message_id) if told.heard.message_id else None
        if found or told.heard.kind is EventKind.UNKNOWN or not told.heard.address:
            return found[0] if found else None
        return self.by_address.get(normalised(told.heard.address))

    def send_of(self, told: Told) -> SendId | None:
        """By our message id."""
        found = self.by_message.get(told.heard.message_id) if told.heard.message_id else None
        return found[1] if found else None


def whose(connection: Connection, told: Sequence[Told]) -> Known:
    """Look up whose these are."""
    by_message = _by_message(connection, {one.heard.message_id for one in told if one.heard.message_id})
    strangers = {normalised(one.heard.address) for one in told if one.heard.address and one.heard.message_id not in by_message}
    by_address = dict(_pairs(connection, recipients.c.address_normalised, recipients.c.recipient_id, strangers))
    known = Known(by_message, {address: RecipientId(who) for address, who in by_address.items()})
    matter = {who for one in told if (one.heard.suppresses or _strikes(one)) and (who := known.recipient_of(one))}
    addresses = {RecipientId(who): address for who, address in _pairs(connection, recipients.c.recipient_id, recipients.c.address, matter)}
    return Known(known.by_message, known.by_address, addresses)


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
        "message_id": told.heard.message_id,
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


def _pairs(connection: Connection, key: sa.Column[Any], value: sa.Column[Any], keys: Collection[str]) -> list[tuple[str, str]]:
    return [(a, b) for batch in batches(sorted(keys)) for a, b in connection.execute(sa.select(key, value).where(key.in_(batch)))]
