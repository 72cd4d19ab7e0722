"""Feedback: what came back, from the database into the lake's events and purchases, one day (UTC) at a time.

A day holds what became known on it: an event that was received on Monday and found its recipient on Friday is Friday's, and its
`received_at` in the lake is Friday's, because no decision before that could have used it. A closed day's files are a function of the
database: written again they are the same bytes under the same names, so a crash leaves nothing twice and all of it can be rebuilt.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from domain.machine import NOT_COUNTED
from storage.database import Database
from storage.feedback_duplicates import without_imported
from storage.lake import Lake
from storage.lake_schema import EVENTS, PURCHASES
from storage.schema import collected, events, purchases, site_events, verdicts

PARTITION = {"source": "letterpress"}  # the folder beside those of imports; each row carries the source it came from
LOOKED_AT_AGAIN = timedelta(days=31)  # a late verdict, claim or erasure changes a day; older ones change by `rebuild` alone
_FILE_ROWS = 200_000

_KNOWN_AT = sa.func.coalesce(site_events.c.known_at, events.c.received_at)
_JOINED = events.outerjoin(site_events, site_events.c.event_id == events.c.event_id).outerjoin(
    verdicts, verdicts.c.event_id == events.c.event_id
)


@dataclass(frozen=True, slots=True)
class Day:
    """How much of a day there is."""

    day: date
    events: int
    purchases: int


class Feedback:
    """The events and purchases of one database, for a lake. `since`: what occurred earlier stays out; imports cover it."""

    def __init__(self, database: Database, lake: Lake, *, since: datetime | None = None) -> None:
        self._database, self._lake, self._since = database, lake, since

    def closed_days(self, until: datetime) -> list[date]:
        """Days with anything to collect that ended by this instant, the earliest first."""
        with self._database.connect() as connection:
            firsts = (sa.func.min(site_events.c.known_at), sa.func.min(events.c.received_at))
            found = [connection.scalar(sa.select(sa.type_coerce(first, events.c.received_at.type))) for first in firsts]
        first = min((at.date() for at in found if at is not None), default=None)
        last = (until.astimezone(UTC) - timedelta(days=1)).date()
        return [first + timedelta(days=n) for n in range((last - first).days + 1)] if first is not None else []

    def pending(self, until: datetime, *, rebuild: bool = False) -> list[Day]:
        """The closed days that are to be collected: those that never were, and recent ones of which there is more or less by now."""
        done = self._done()
        again = (until - LOOKED_AT_AGAIN).date()
        asked = [day for day in self.closed_days(until) if rebuild or day not in done or day >= again]
        counted = [self._count(day) for day in asked]
        return [day for day in counted if rebuild or done.get(day.day) != day]

    def collect(self, day: Day, at: datetime) -> Day:
        """Write a day's files, then remember that it was done. Returns what the files hold: what imports hold already is left out."""
        written = Day(
            day.day,
            self._write("events", EVENTS, day.day, self._event_rows(day.day)),
            self._write("purchases", PURCHASES, day.day, self._purchase_rows(day.day)),
        )
        row = {"day": day.day.isoformat(), "events": day.events, "purchases": day.purchases, "collected_at": at}
        insert = self._database.insert(collected)
        statement = insert.on_conflict_do_update(index_elements=["day"], set_={name: insert.excluded[name] for name in row})
        with self._database.begin() as connection:
            connection.execute(statement, row)
        return written

    def _done(self) -> dict[date, Day]:
        with self._database.connect() as connection:
            rows = connection.execute(sa.select(collected.c.day, collected.c.events, collected.c.purchases)).all()
        return {date.fromisoformat(row.day): Day(date.fromisoformat(row.day), row.events, row.purchases) for row in rows}

    def _count(self, day: date) -> Day:
        of_day = self._of(day)
        with self._database.connect() as connection:
            found = connection.scalar(sa.select(sa.func.count()).select_from(_JOINED).where(*of_day))
            lines = sa.select(sa.func.count()).select_from(_JOINED.join(purchases, purchases.c.event_id == events.c.event_id))
            bought = connection.scalar(lines.where(*of_day))
        return Day(day, found or 0, bought or 0)

    def _of(self, day: date) -> tuple[sa.ColumnElement[bool], ...]:
        """Of a recipient who is known, became known on that day, and not brought about by a machine."""
        start = datetime.combine(day, time(), UTC)
        end = start + timedelta(days=1)
        claimed = sa.select(site_events.c.event_id).where(site_events.c.known_at >= start, site_events.c.known_at < end)
        of_site = sa.exists().where(site_events.c.event_id == events.c.event_id)
        told = sa.select(events.c.event_id).where(events.c.received_at >= start, events.c.received_at < end, ~of_site)
        human = sa.or_(verdicts.c.verdict.is_(None), verdicts.c.verdict.not_in([one.value for one in NOT_COUNTED]))
        after = (events.c.occurred_at >= self._since,) if self._since else ()
        return events.c.recipient_id.is_not(None), events.c.event_id.in_(sa.union_all(claimed, told)), human, *after

    def _event_rows(self, day: date) -> Iterator[list[dict[str, Any]]]:
        channel = sa.case((site_events.c.event_id.is_(None), "email"), else_=site_events.c.channel)
        own = (events.c.event_id, events.c.kind, events.c.recipient_id, events.c.message_id, events.c.decision_id)
        read = (site_events.c.category, site_events.c.item, site_events.c.device, channel.label("channel"))
        when = (events.c.occurred_at, sa.type_coerce(_KNOWN_AT, events.c.received_at.type).label("received_at"), events.c.source)
        properties = sa.func.coalesce(site_events.c.properties, "{}").label("properties")
        query = sa.select(*own, *read, *when, properties).select_from(_JOINED).where(*self._of(day))
        yield from self._pieces(query, events.c.event_id)

    def _purchase_rows(self, day: date) -> Iterator[list[dict[str, Any]]]:
        line = [purchases.c[name] for name in ("purchase_id", "item", "category", "quantity", "amount", "currency")]
        when = (events.c.occurred_at, sa.type_coerce(_KNOWN_AT, events.c.received_at.type).label("received_at"), events.c.source)
        joined = _JOINED.join(purchases, purchases.c.event_id == events.c.event_id)
        query = sa.select(events.c.recipient_id, *line, *when).select_from(joined).where(*self._of(day))
        yield from self._pieces(query, purchases.c.purchase_id)

    def _pieces(self, query: sa.Select[Any], key: sa.Column[Any]) -> Iterator[list[dict[str, Any]]]:
        """The rows in the order of their key, a file's worth at a time; each read for itself, so that no reader holds up a writer."""
        last = ""
        while True:
            with self._database.connect() as connection:
                rows = connection.execute(query.where(key > last).order_by(key).limit(_FILE_ROWS)).mappings().all()
            if not rows:
                return
            yield [dict(row) for row in rows]
            last = rows[-1][key.name]

    def _write(self, table: str, schema: pa.Schema, day: date, pieces: Iterator[Sequence[dict[str, Any]]]) -> int:
        """Write the pieces; files of an earlier time that the day no longer fills are removed. Returns the rows written."""
        written, paths = 0, set()
        for number, rows in enumerate(pieces):
            data = without_imported(self._lake, table, pa.Table.from_pylist(list(rows), schema=schema))
            if data.num_rows:
                paths.add(self._lake.write(table, data, partition=PARTITION, name=f"day-{day}-{number:04d}"))
                written += data.num_rows
        for path in self._lake.files(table, PARTITION):
            if f"/day-{day}-" in path and path not in paths:
                self._lake.remove_file(path)
        return written
