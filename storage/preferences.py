"""Preferences, by normalised address as suppressions are: topics that somebody does not want, and pauses.

A change is written in one transaction with the event that asked for it, so that neither is ever there without the other.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.event import ReceivedEvent
from domain.ids import MessageId, RecipientId
from domain.ledger import ClaimRequest
from domain.message import Exclusion, SuppressionReason
from domain.preference import Change, Preferences
from domain.recipient import normalised
from storage.database import Database
from storage.events import append_in
from storage.lists import texts
from storage.schema import preferences, recipients, sends, suppressions
from storage.suppressions import suppressed_among

ALL_TOPICS = ""  # the topic of a pause


class PreferenceBook:
    """The preferences of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def topics(self) -> list[str]:
        """What the sends so far were about, in alphabetical order."""
        with self._database.connect() as connection:
            return sorted(connection.scalars(sa.select(sends.c.topic).where(sends.c.topic.is_not(None)).distinct()))

    def of(self, recipient_id: RecipientId, at: datetime) -> Preferences:
        """What holds for a recipient; nothing in particular for one who was erased."""
        with self._database.connect() as connection:
            address = _address_of(connection, recipient_id)
            if address is None:
                return Preferences()
            mine = sa.select(preferences.c.topic, preferences.c.until_at).where(preferences.c.address_normalised == normalised(address))
            kept = dict(connection.execute(mine).tuples().all())
            suppressed = bool(suppressed_among(connection, [address]))
        until = kept.pop(ALL_TOPICS, None)
        return Preferences(suppressed, frozenset(kept), until if until and until > at else None)

    def change(self, event: ReceivedEvent, change: Change, at: datetime, detail: str) -> None:
        """Store the event, once, and do what it asks for, in one transaction. Can be repeated at will.

        An erased recipient has no address left that anything could be kept for.
        """
        with self._database.begin() as connection:
            append_in(self._database, connection, [event])
            address = _address_of(connection, event.recipient_id) if event.recipient_id else None
            if address is not None:
                self._apply(connection, normalised(address), change, at, detail)

    def among(self, addresses: Iterable[str], topic: str | None, at: datetime) -> dict[str, Exclusion]:
        """Those of the addresses, normalised, that want no letter on this topic at this instant, and which of the two reasons it is."""
        with self._database.connect() as connection:
            return spared_among(connection, addresses, topic, at)

    def _apply(self, connection: Connection, address: str, change: Change, at: datetime, detail: str) -> None:
        if change.leave:
            row = {"address_normalised": address, "reason": SuppressionReason.UNSUBSCRIBED.value, "detail": detail, "suppressed_at": at}
            connection.execute(self._database.insert(suppressions).on_conflict_do_nothing(), row)
        if lifted := sorted({*change.take_up, *([ALL_TOPICS] if change.resume else [])}):
            theirs = preferences.c.address_normalised == address
            connection.execute(sa.delete(preferences).where(theirs, preferences.c.topic.in_(lifted)))
        wanted: dict[str, datetime | None] = dict.fromkeys(sorted(change.stop))
        if change.pause_until is not None:
            wanted[ALL_TOPICS] = change.pause_until
        insert = self._database.insert(preferences)
        newest = {name: insert.excluded[name] for name in ("until_at", "set_at")}
        keep = insert.on_conflict_do_update(index_elements=[preferences.c.address_normalised, preferences.c.topic], set_=newest)
        for topic, until in wanted.items():
            connection.execute(keep, {"address_normalised": address, "topic": topic, "until_at": until, "set_at": at})


def spared_among(connection: Connection, addresses: Iterable[str], topic: str | None, at: datetime) -> dict[str, Exclusion]:
    """`PreferenceBook.among` inside a transaction of the caller's. Who neither wants the topic nor any letter now counts as the former."""
    found: dict[str, Exclusion] = {}
    paused = sa.and_(preferences.c.topic == ALL_TOPICS, preferences.c.until_at > at)
    spared = paused if topic is None else sa.or_(preferences.c.topic == topic, paused)
    theirs = preferences.c.address_normalised.in_(texts({normalised(address) for address in addresses}))
    query = sa.select(preferences.c.address_normalised, preferences.c.topic).where(theirs, spared)
    for address, about in connection.execute(query.order_by(preferences.c.topic)):  # the pause first, to be overruled
        found[address] = Exclusion.PAUSED if about == ALL_TOPICS else Exclusion.OPTED_OUT
    return found


def kept_in(connection: Connection, letters: Sequence[ClaimRequest], at: datetime) -> dict[MessageId, Exclusion]:
    """Letters that must not go out after all, and why: asked in the transaction that claims them, so that nothing comes in between."""
    suppressed = suppressed_among(connection, (letter.address for letter in letters))
    found: dict[MessageId, Exclusion] = {}
    for send_id, group in groupby(sorted(letters, key=lambda letter: letter.send_id), key=lambda letter: letter.send_id):
        of_send = list(group)
        topic = connection.scalar(sa.select(sends.c.topic).where(sends.c.send_id == send_id))
        reasons = spared_among(connection, (letter.address for letter in of_send), topic, at)
        reasons |= dict.fromkeys(suppressed, Exclusion.SUPPRESSED)
        if reasons:
            found |= {letter.message_id: reasons[one] for letter in of_send if (one := normalised(letter.address)) in reasons}
    return found


def _address_of(connection: Connection, recipient_id: RecipientId) -> str | None:
    return connection.scalar(sa.select(recipients.c.address).where(recipients.c.recipient_id == recipient_id))
