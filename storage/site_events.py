"""Events of the site and the shop: stored once, with their payload as it came and what it was read as, in one transaction.

Whose they are may be learned later. Until then they belong to an alias (`storage.identities`) and nothing reads them; once it is
known they are the recipient's, known since that moment: what was decided before could not have used them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.ids import RecipientId
from domain.machine import Verdict
from domain.site_event import RefusedEvent, SiteEvent, StoredEvents
from storage.database import Database, batches
from storage.identities import alias_of, leading_to, link, links_of, owners
from storage.refunds import settled
from storage.schema import events, purchases, set_aside, site_events, verdicts

_READ = ("item", "category", "device", "channel", "properties")
_SAYS_SO = '["the agent says it is a machine"]'
_LINE = ("purchase_id", "item", "category", "quantity", "amount", "currency")


class SiteEvents:
    """The site's events in one database. Several processes may write at once; an event is stored by one of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, given: Sequence[SiteEvent], refused: Sequence[RefusedEvent] = ()) -> StoredEvents:
        """Store events durably; those whose id is there already are left out, and what they say of who is who with them."""
        unique = {event.event_id: event for event in given}
        with self._database.begin() as connection:
            known = _known(connection, unique)
            fresh = [unique[event_id] for event_id in sorted(set(unique) - known)]
            new = self._store(connection, fresh)
            self._set_aside(connection, refused)
            whose = owners(connection, {alias_of(event.visitor) for event in unique.values()})
        found = {event.event_id: whose[alias] for event in unique.values() if (alias := alias_of(event.visitor)) in whose}
        return StoredEvents(new, len(given) - new, len(refused), found)

    def claim(self, at: datetime) -> int:
        """Give events to recipients that became known by another way, such as an import. Returns how many found their owner."""
        query = sa.select(site_events.c.identity).where(site_events.c.known_at.is_(None)).distinct()
        with self._database.connect() as connection:
            waiting = connection.scalars(query.order_by(site_events.c.identity)).all()
        claimed = 0
        for batch in batches(waiting):
            with self._database.begin() as connection:
                claimed += _claim(connection, batch, at)
        return claimed

    def _store(self, connection: Connection, fresh: Sequence[SiteEvent]) -> int:
        if not fresh:
            return 0
        linked = link(self._database, connection, (one for event in fresh for one in links_of(event)))
        whose = owners(connection, {alias_of(event.visitor) for event in fresh})
        stored = self._write(connection, [event for event in fresh if event.refund is None], whose)
        for event in (event for event in fresh if event.refund):  # one by one, after what they correct
            stored += self._write(connection, [settled(connection, event, whose.get(alias_of(event.visitor)))], whose)
        if linked:
            _claim(connection, leading_to(connection, linked), max(event.received_at for event in fresh))
        return stored

    def _write(self, connection: Connection, fresh: Sequence[SiteEvent], whose: Mapping[str, RecipientId]) -> int:
        rows = [_event(event, whose.get(alias_of(event.visitor))) for event in fresh]
        insert = self._database.insert(events).on_conflict_do_nothing().returning(events.c.event_id)
        stored = {event_id for batch in batches(rows) for event_id in connection.scalars(insert, batch)}
        ours = [event for event in fresh if event.event_id in stored]
        self._insert(connection, site_events, [_reading(event, known=alias_of(event.visitor) in whose) for event in ours])
        self._insert(connection, purchases, [line for event in ours for line in _lines(event)])
        self._insert(connection, verdicts, [_by_machine(event) for event in ours if event.machine])
        return len(stored)

    def _set_aside(self, connection: Connection, refused: Iterable[RefusedEvent]) -> None:
        rows = [{name: getattr(one, name) for name in RefusedEvent.__dataclass_fields__} for one in refused]
        self._insert(connection, set_aside, rows)

    def _insert(self, connection: Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
        for batch in batches(rows):
            connection.execute(self._database.insert(table).on_conflict_do_nothing(), batch)


def _known(connection: Connection, event_ids: Collection[str]) -> set[str]:
    found: set[str] = set()
    for batch in batches(sorted(event_ids)):
        found.update(connection.scalars(sa.select(events.c.event_id).where(events.c.event_id.in_(batch))))
    return found


def _claim(connection: Connection, aliases: Collection[str], at: datetime) -> int:
    """Events of these aliases whose owner was not known and is now."""
    claimed = 0
    for alias, recipient in sorted(owners(connection, aliases).items()):
        waiting = sa.and_(site_events.c.identity == alias, site_events.c.known_at.is_(None))
        theirs = events.c.event_id.in_(sa.select(site_events.c.event_id).where(waiting))
        connection.execute(sa.update(events).where(theirs).values(recipient_id=recipient))
        claimed += connection.execute(sa.update(site_events).where(waiting).values(known_at=at)).rowcount
    return claimed


def _event(event: SiteEvent, recipient: RecipientId | None) -> dict[str, Any]:
    return {
        "event_id": event.event_id,
        "source": event.source,
        "kind": event.kind.value,
        "recipient_id": recipient,
        "message_id": None,
        "decision_id": event.decision_id,
        "occurred_at": event.occurred_at,
        "received_at": event.received_at,
        "raw": event.raw,
    }


def _reading(event: SiteEvent, *, known: bool) -> dict[str, Any]:
    who = {"event_id": event.event_id, "identity": alias_of(event.visitor), "call": event.call.value}
    return who | {name: getattr(event, name) for name in _READ} | {"known_at": event.received_at if known else None}


def _by_machine(event: SiteEvent) -> dict[str, Any]:
    """Of no send: what came of letters is judged send by send, and anew when the rules change; this is what the program said itself."""
    said = {"verdict": Verdict.MACHINE.value, "score": 0, "reasons": _SAYS_SO, "rule_version": "agent", "judged_at": event.received_at}
    return {"event_id": event.event_id, "send_id": ""} | said


def _lines(event: SiteEvent) -> list[dict[str, Any]]:
    return [{name: getattr(line, name) for name in _LINE} | {"event_id": event.event_id} for line in event.purchases]
