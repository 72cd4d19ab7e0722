"""Who has been active lately: the last instant at which each recipient did something themselves, set-wise.

From the lake, and from events of the database on days that were not collected yet. Opens are no sign of a person (about half are made by
machines), and nor are calls of the site that we cannot read. What machines did is left out where it is known.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import sqlalchemy as sa

from domain.event import EventKind
from storage.database import Database
from storage.lake import Lake
from storage.lake_schema import INSTANT
from storage.schema import collected, events, site_events
from storage.verdicts import BY_PEOPLE, JUDGED_EVENTS

ACTIVE = (
    EventKind.CLICKED,
    EventKind.SHOWN,
    EventKind.PAGE_VIEWED,
    EventKind.SEARCHED,
    EventKind.ADDED_TO_CART,
    EventKind.PURCHASED,
    EventKind.PREFERRED,
)
_KINDS = [kind.value for kind in ACTIVE]
_WHO: "pa.Field[Any]" = pa.field("recipient_id", pa.string())
_FACTS = pa.schema([_WHO, pa.field("occurred_at", INSTANT)])
_ACTIVE = pa.schema([_WHO, pa.field("active_at", INSTANT)])
_READ = 50_000  # rows
_KNOWN_AT = sa.func.coalesce(site_events.c.known_at, events.c.received_at)
_LATEST = """
    SELECT recipient_id, max(least(occurred_at, $until)) AS active_at
    FROM (FROM did UNION ALL FROM bought UNION ALL FROM answered UNION ALL FROM fresh)
    GROUP BY recipient_id
"""


class ActivityBook:
    """Reads one lake and one database; what is in both says the same twice."""

    def __init__(self, lake: Lake, database: Database, *, memory_mb: int = 400) -> None:
        self._lake, self._database, self._memory = lake, database, memory_mb

    def latest(self, since: datetime, until: datetime) -> pa.Table:
        """recipient_id and active_at of everybody who did something since, as far as that was known before `until`."""
        config: dict[str, Any] = {"threads": 2, "memory_limit": f"{self._memory}MB", "autoinstall_known_extensions": False}
        with duckdb.connect(config=config) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            for name, relation in self._facts(since, until).items():
                connection.register(name, relation)
            found: pa.Table = connection.sql(_LATEST, params={"until": until}).to_arrow_table()
        return found.cast(_ACTIVE)

    def _facts(self, since: datetime, until: datetime) -> Mapping[str, Any]:
        """Of imported letters nothing else may be known than that they were answered."""
        known = (ds.field("received_at") < pa.scalar(until, INSTANT)) & (ds.field("occurred_at") >= pa.scalar(since, INSTANT))
        kept = {
            "did": self._kept("events", known & ds.field("kind").isin(_KINDS)),
            "bought": self._kept("purchases", known & (ds.field("amount") >= 0)),
            "answered": self._kept("outcomes", known & ds.field("kind").isin(["click", "conversion"])),
        }
        return kept | {"fresh": self._fresh(since, until)}

    def _kept(self, table: str, wanted: ds.Expression) -> ds.Scanner:
        return self._lake.dataset(table).scanner(columns=["recipient_id", "occurred_at"], filter=wanted)

    def _fresh(self, since: datetime, until: datetime) -> pa.Table:
        """Facts of the database from the first day on that the lake lacks."""
        joined = JUDGED_EVENTS.outerjoin(site_events, site_events.c.event_id == events.c.event_id)
        within = events.c.received_at >= since, self._collected_until(since) <= _KNOWN_AT, until > _KNOWN_AT, events.c.occurred_at >= since
        query = sa.select(events.c.recipient_id, events.c.occurred_at).select_from(joined)
        query = query.where(events.c.recipient_id.is_not(None), events.c.kind.in_(_KINDS), *within, BY_PEOPLE)
        with self._database.connect() as connection:
            rows = connection.execution_options(yield_per=_READ).execute(query).partitions(_READ)
            return pa.Table.from_batches([_batch(part) for part in rows], _FACTS)

    def _collected_until(self, since: datetime) -> datetime:
        """The start of the first day since then of which the lake may lack something."""
        with self._database.connect() as connection:
            days = set(connection.scalars(sa.select(collected.c.day)))
        day = since.astimezone(UTC).date()
        first = min((one for one in days), default=None)
        day = day if first is None else max(day, day.fromisoformat(first))
        while day.isoformat() in days:
            day += timedelta(days=1)
        return datetime.combine(day, time(), UTC) if first is not None else since


def _batch(rows: Any) -> pa.RecordBatch:
    return pa.record_batch(
        [pa.array(values, field.type) for values, field in zip(zip(*rows, strict=True), _FACTS, strict=True)], schema=_FACTS
    )
