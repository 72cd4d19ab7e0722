"""Who has to do with our letters lately: people's clicks and opens, from the lake and from what was received since."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import sqlalchemy as sa

from domain.engagement import Engagement
from domain.event import EventKind
from domain.ids import RecipientId
from domain.machine import NOT_COUNTED
from storage.database import Database
from storage.lake import Lake
from storage.schema import events, verdicts

_KINDS = (EventKind.CLICKED.value, EventKind.OPENED.value)
_COLUMNS = ("event_id", "kind", "recipient_id")
_QUERY = """
    SELECT recipient_id, count(DISTINCT event_id) FILTER (kind = 'clicked'), count(DISTINCT event_id) FILTER (kind = 'opened')
    FROM (SELECT * FROM kept UNION ALL SELECT * FROM fresh) JOIN asked USING (recipient_id) ANTI JOIN by_machines USING (event_id)
    GROUP BY recipient_id
"""


class EngagementBook:
    """Reads the events of one lake and one database; an event that is in both counts once."""

    def __init__(self, lake: Lake, database: Database) -> None:
        self._lake, self._database = lake, database

    def of(self, recipients: Sequence[RecipientId], since: datetime, until: datetime) -> Mapping[RecipientId, Engagement]:
        """What these recipients did in events received in [since, until); those who did nothing are left out."""
        received = ds.field("received_at")
        wanted = ds.field("kind").isin(_KINDS) & (received >= pa.scalar(since)) & (received < pa.scalar(until))
        kept = self._lake.dataset("events").scanner(columns=list(_COLUMNS), filter=wanted)
        seen = {"kept": kept, "fresh": self._fresh(since, until), "by_machines": self._by_machines(since)}
        with duckdb.connect(config={"threads": 2}) as connection:
            for name, relation in (seen | {"asked": pa.table({"recipient_id": pa.array(recipients, pa.string())})}).items():
                connection.register(name, relation)
            rows = connection.execute(_QUERY).fetchall()
        return {RecipientId(who): Engagement(clicks, opens) for who, clicks, opens in rows}

    def _fresh(self, since: datetime, until: datetime) -> pa.Table:
        """Events of the database, which the lake may not have yet."""
        query = sa.select(*(events.c[name] for name in _COLUMNS)).where(events.c.received_at >= since, events.c.received_at < until)
        return self._table(query.where(events.c.kind.in_(_KINDS), events.c.recipient_id.is_not(None)), _COLUMNS)

    def _by_machines(self, since: datetime) -> pa.Table:
        """Events that count for nothing."""
        machines = [verdict.value for verdict in NOT_COUNTED]
        query = sa.select(verdicts.c.event_id).where(verdicts.c.verdict.in_(machines), verdicts.c.judged_at >= since)
        return self._table(query, ("event_id",))

    def _table(self, query: sa.Select[Any], columns: Sequence[str]) -> pa.Table:
        with self._database.connect() as connection:
            rows = [row._asdict() for row in connection.execute(query)]
        return pa.Table.from_pylist(rows, schema=pa.schema([(name, pa.string()) for name in columns]))
