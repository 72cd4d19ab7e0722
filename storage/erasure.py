"""Erasing a person from the database: one rule per table; a test sees to it that no table is without.

What counts for others stays without the person: their letters in the ledger, their place in holdouts, and events about letters keep
a tombstone for an id, so that accounts and lift figures still add up. Everything else about them is deleted.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.ids import MessageId, RecipientId
from domain.message import SuppressionReason
from domain.privacy import Person
from domain.recipient import normalised
from storage.database import Database, batches
from storage.erased_addresses import erased_among, keep_hashed
from storage.identities import leading_to
from storage.retention import overwriting
from storage.schema import (
    erasures,
    events,
    holdout_members,
    identities,
    messages,
    metadata,
    preferences,
    purchases,
    recipients,
    set_aside,
    site_events,
    suppressions,
    webhook_posts,
)
from storage.unfinished_erasures import finish

NOTHING_OF_RECIPIENTS = frozenset(  # by table: definitions, figures, and what others decided or wrote
    {
        *("attributes", "holdouts", "sends", "send_shards", "runs", "waves", "warm_up_shares", "approvals", "audit", "contents"),
        *("variants", "models", "rollouts", "rollout_looks", "collected", "verdicts", "bounces", "erased_addresses", "erasures"),
        "publications",
    }
)

WAITED_FOR = frozenset({webhook_posts.name})  # emptied as soon as it is understood, by which its events are found

Where = Callable[[Person], sa.ColumnElement[bool]]
_EMPTY = "{}"


def _ids(column: sa.Column[Any]) -> Where:
    return lambda who: column.in_(sorted(who.ids))


def _says(column: sa.Column[Any]) -> Where:
    """Raw payloads in which an address of theirs stands, or one of their ids as a JSON text."""

    def where(who: Person) -> sa.ColumnElement[bool]:
        texts = [*who.addresses, *(f'"{name}"' for name in who.names)]
        return sa.or_(sa.false(), *(sa.func.lower(column).contains(text.lower(), autoescape=True) for text in sorted(texts)))

    return where


def _of_site(who: Person) -> sa.ColumnElement[bool]:
    theirs = sa.select(site_events.c.event_id).where(site_events.c.identity.in_(sorted(who.aliases)))
    return sa.or_(events.c.event_id.in_(theirs), sa.and_(events.c.recipient_id.in_(sorted(who.ids)), events.c.message_id.is_(None)))


def _of_events(column: sa.Column[Any]) -> Where:
    return lambda who: column.in_(sa.select(events.c.event_id).where(_of_site(who)))


_BY_EVENT = (purchases, site_events, events)
DELETED: Mapping[sa.Table, Where] = {
    purchases: _of_events(purchases.c.event_id),
    site_events: _of_events(site_events.c.event_id),
    events: _of_site,
    identities: lambda who: sa.or_(identities.c.alias.in_(sorted(who.aliases)), identities.c.belongs_to.in_(_places(who))),
    set_aside: _says(set_aside.c.raw),
    suppressions: lambda who: suppressions.c.address_normalised.in_(sorted(who.addresses)),
    preferences: lambda who: preferences.c.address_normalised.in_(sorted(who.addresses)),
    recipients: _ids(recipients.c.recipient_id),
}
ANONYMISED: Mapping[sa.Table, tuple[Where, Mapping[str, str]]] = {
    messages: (_ids(messages.c.recipient_id), {}),
    holdout_members: (_ids(holdout_members.c.recipient_id), {}),
    events: (_ids(events.c.recipient_id), {"raw": _EMPTY}),
}
SCRUBBED: Mapping[sa.Table, tuple[Where, Mapping[str, str]]] = {events: (_says(events.c.raw), {"raw": _EMPTY})}


def tables_with_rules() -> set[str]:
    """Every table that erasing has an answer to."""
    return {table.name for table in (*DELETED, *ANONYMISED, *SCRUBBED)} | NOTHING_OF_RECIPIENTS | WAITED_FOR


class Erasure:
    """Finds, exports and erases people in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def person(self, who: str) -> Person:
        """Whoever has this id or address. An address or id that no recipient has may still stand in events and suppressions."""
        with self._database.connect() as connection:
            mine = sa.or_(recipients.c.recipient_id == who, recipients.c.address_normalised == normalised(who))
            found = connection.execute(sa.select(recipients).where(mine)).all()
            by_id = [row for row in found if row.recipient_id == who] or found
            ids = frozenset(RecipientId(row.recipient_id) for row in by_id) or ({RecipientId(who)} if "@" not in who else frozenset())
            person = Person(frozenset(ids)).also_at(who, *(row.address for row in by_id))
            aliases = leading_to(connection, _places(person))
            letters = connection.scalars(sa.select(messages.c.message_id).where(messages.c.recipient_id.in_(sorted(ids)))).all()
        return Person(person.ids, person.addresses, frozenset(aliases), frozenset(map(MessageId, letters)))

    def export(self, who: Person) -> dict[str, list[dict[str, Any]]]:
        """Every row about them, by table."""
        rules = [*DELETED.items(), *((table, where) for table, (where, _) in ANONYMISED.items())]
        rows: dict[str, dict[str, dict[str, Any]]] = {}
        with self._database.connect() as connection:
            for table, where in rules:
                for row in connection.execute(sa.select(table).where(where(who))).mappings():
                    key = "|".join(str(row[column.name]) for column in table.primary_key)
                    rows.setdefault(table.name, {})[key] = dict(row)
        return {table: list(found.values()) for table, found in rows.items()}

    def withdraw(self, who: Person) -> None:
        """From here on no audience takes them."""
        with self._database.begin() as connection:
            connection.execute(sa.update(recipients).where(recipients.c.recipient_id.in_(sorted(who.ids))).values(consent=False))

    def erase(self, who: Person, tombstone: str, *, do_not_mail: bool, at: datetime) -> tuple[dict[str, int], bool]:
        """Erase them, in one transaction. Returns rows by table, and whether it is remembered that they are not to be written to:
        it is if they were suppressed, or if `do_not_mail`.
        """
        with self._database.begin() as connection, overwriting(connection):
            kept = self._keep_suppressed(connection, who, do_not_mail=do_not_mail, at=at)
            counts = _delete_events(connection, who)
            for table, where in DELETED.items():
                counts[table.name] += connection.execute(sa.delete(table).where(where(who))).rowcount
            _scrub_reasons(connection, who)
            for table, (where, cleared) in ANONYMISED.items():
                changed = sa.update(table).where(where(who)).values(recipient_id=tombstone, **cleared)
                counts[table.name] += connection.execute(changed).rowcount
            for table, (where, cleared) in SCRUBBED.items():
                counts[table.name] += connection.execute(sa.update(table).where(where(who)).values(**cleared)).rowcount
            found = {str(name): count for name, count in counts.items()}
            finish(self._database, connection, tombstone, at, found)
        return found, kept

    def unread(self, who: Person) -> int:
        """How many posts of ESPs name them and are not understood yet: their events are still to come."""
        names = re.compile("|".join(map(re.escape, sorted({*who.addresses, *who.messages}))).encode() or rb"(?!)", re.IGNORECASE)
        with self._database.connect() as connection:
            waiting = connection.scalars(sa.select(webhook_posts.c.body).where(webhook_posts.c.understood_at.is_(None)))
            return sum(names.search(body) is not None for body in waiting)

    def compact(self) -> bool:
        """Leave nothing of it in free pages and logs; False if that could not be done now."""
        return self._database.compact([table.name for table in (*DELETED, *ANONYMISED, erasures)])

    def _keep_suppressed(self, connection: Connection, who: Person, *, do_not_mail: bool, at: datetime) -> bool:
        mine = suppressions.c.address_normalised.in_(sorted(who.addresses))
        rows = connection.execute(sa.select(suppressions.c.address_normalised, suppressions.c.reason).where(mine)).all()
        reasons = {row.address_normalised: SuppressionReason(row.reason) for row in rows}
        if do_not_mail:
            reasons = dict.fromkeys(map(normalised, who.addresses), SuppressionReason.MANUAL) | reasons
        for address, reason in reasons.items():
            keep_hashed(self._database, connection, address, reason, at)
        return bool(erased_among(connection, who.addresses))


def _places(who: Person) -> list[str]:
    return sorted(
        {*(f"u:{one}" for one in who.ids), *(f"m:{normalised(one)}" for one in who.addresses), *(f"u:{one}" for one in who.addresses)}
    )


def _delete_events(connection: Connection, who: Person) -> Counter[str]:
    """Their events on the site; found first and deleted then, because the tables are found through each other."""
    counts: Counter[str] = Counter()
    event_ids = connection.scalars(sa.select(events.c.event_id).where(_of_site(who))).all()
    for batch in batches(event_ids):
        for table in _BY_EVENT:
            counts[table.name] += connection.execute(sa.delete(table).where(table.c.event_id.in_(batch))).rowcount
    return counts


def _scrub_reasons(connection: Connection, who: Person) -> None:
    """An ESP's reason for a refusal may repeat the address."""
    theirs = sa.and_(messages.c.recipient_id.in_(sorted(who.ids)), messages.c.reason.is_not(None))
    address = re.compile("|".join(map(re.escape, sorted(who.addresses))) or r"(?!)", re.IGNORECASE)
    for row in connection.execute(sa.select(messages.c.message_id, messages.c.reason).where(theirs)).all():
        said = address.sub("[erased]", row.reason)
        if said != row.reason:
            connection.execute(sa.update(messages).where(messages.c.message_id == row.message_id).values(reason=said))


assert tables_with_rules() <= set(metadata.tables)  # noqa: S101 - a rule for a table that is gone is a mistake of ours
