"""Setbacks: who unsubscribed, complained or got a letter back, send by send; machines' events are not among them."""

from collections.abc import Sequence

import pyarrow as pa
import sqlalchemy as sa

from domain.event import EventKind
from domain.ids import SendId
from domain.message import MessageStatus
from storage.database import Database
from storage.lake_schema import INSTANT
from storage.schema import events, messages
from storage.verdicts import BY_PEOPLE, JUDGED_EVENTS

SETBACKS = pa.schema(
    [pa.field(name, pa.string(), nullable=False) for name in ("send_id", "recipient_id", "kind")]
    + [pa.field("occurred_at", INSTANT, nullable=False)]
)
_BOUNCED = (EventKind.BOUNCED.value, EventKind.DROPPED.value)
_READ = 50_000  # rows


class Setbacks:
    """The setbacks in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, send_ids: Sequence[SendId]) -> pa.Table:
        """Those of these sends: as many rows as things went wrong. A letter that the ESP refused at once is a bounce."""
        kind = sa.case((events.c.kind.in_(_BOUNCED), EventKind.BOUNCED.value), else_=events.c.kind)
        watched = (*_BOUNCED, EventKind.COMPLAINED.value, EventKind.UNSUBSCRIBED.value)
        told = (
            sa.select(events.c.send_id, events.c.recipient_id, kind.label("kind"), events.c.occurred_at)
            .select_from(JUDGED_EVENTS)
            .where(events.c.send_id.in_(send_ids), events.c.kind.in_(watched), events.c.recipient_id.is_not(None), BY_PEOPLE)
        )
        refused = sa.select(
            messages.c.send_id, messages.c.recipient_id, sa.literal(EventKind.BOUNCED.value).label("kind"), messages.c.answered_at
        ).where(messages.c.send_id.in_(send_ids), messages.c.status == MessageStatus.REJECTED.value, messages.c.answered_at.is_not(None))
        with self._database.connect() as connection:
            return pa.Table.from_batches(
                [self._batch(rows) for query in (told, refused) for rows in connection.execute(query).partitions(_READ)], SETBACKS
            )

    @staticmethod
    def _batch(rows: "Sequence[sa.Row[tuple[str, str, str, object]]]") -> pa.RecordBatch:
        columns = zip(*rows, strict=True)
        return pa.record_batch([pa.array(values, field.type) for values, field in zip(columns, SETBACKS, strict=True)], schema=SETBACKS)
