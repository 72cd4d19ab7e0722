"""Events as received: stored raw before they are understood; storing one twice keeps one."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from domain.event import EventKind, ReceivedEvent
from domain.ids import SendId
from storage.database import Database, batches
from storage.schema import events, messages
from storage.verdicts import BY_PEOPLE, JUDGED_EVENTS

_EVENT = tuple(events.c[field] for field in ReceivedEvent.__dataclass_fields__)


class Events:
    """The events kept in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, rows: Sequence[ReceivedEvent]) -> int:
        """Store events; those whose id is there already are left out. Returns how many are new."""
        with self._database.begin() as connection:
            return append_in(self._database, connection, rows)

    def between(self, received_from: datetime, received_to: datetime) -> Iterator[ReceivedEvent]:
        """The events received in [from, to), in the order of reception; read in batches, never all at once."""
        after = (received_from, "")
        while batch := self._page(after, received_to):
            yield from batch
            after = (batch[-1].received_at, batch[-1].event_id)

    def of_send(self, send_id: SendId) -> list[ReceivedEvent]:
        """All events about messages of a send, in the order of reception."""
        query = sa.select(*_EVENT).join(messages, messages.c.message_id == events.c.message_id).where(messages.c.send_id == send_id)
        with self._database.connect() as connection:
            return [_event(row) for row in connection.execute(query.order_by(events.c.received_at, events.c.event_id))]

    def counts_of_send(self, send_id: SendId, kinds: Collection[EventKind]) -> Counter[EventKind]:
        """How many messages of a send have had an event of each of these kinds that no machine brought about. Not yet judged counts."""
        counted = sa.func.count(sa.distinct(events.c.message_id))
        wanted = events.c.send_id == send_id, events.c.kind.in_([kind.value for kind in kinds]), BY_PEOPLE
        query = sa.select(events.c.kind, counted).select_from(JUDGED_EVENTS).where(*wanted).group_by(events.c.kind)
        with self._database.connect() as connection:
            return Counter({EventKind(kind): count for kind, count in connection.execute(query)})

    def _page(self, after: tuple[datetime, str], until: datetime, size: int = 5_000) -> list[ReceivedEvent]:
        since, last_id = after
        later = sa.or_(events.c.received_at > since, sa.and_(events.c.received_at == since, events.c.event_id > last_id))
        query = sa.select(*_EVENT).where(events.c.received_at >= since, later, events.c.received_at < until)
        with self._database.connect() as connection:
            rows = connection.execute(query.order_by(events.c.received_at, events.c.event_id).limit(size)).all()
        return [_event(row) for row in rows]


def append_in(database: Database, connection: Connection, rows: Sequence[ReceivedEvent]) -> int:
    """`Events.append` inside a transaction of the caller's."""
    insert = database.insert(events).on_conflict_do_nothing().returning(events.c.event_id)
    new = 0
    for batch in batches(rows):
        new += len(connection.execute(insert, [asdict(event) | {"kind": event.kind.value} for event in batch]).all())
    return new


def _event(row: Row[Any]) -> ReceivedEvent:
    values = row._asdict()
    return ReceivedEvent(**values | {"kind": EventKind(values["kind"])})
