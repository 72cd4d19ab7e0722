"""Who is behind events: what the scoring reads, and the verdicts it writes. Writing the same verdicts again changes nothing."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Row

from domain.event import EventKind, ReceivedEvent
from domain.ids import SendId
from domain.machine import JUDGED, NOT_COUNTED, Judgement, Trace, Verdict, VerdictCount
from storage.database import Database, batches
from storage.schema import events, messages, recipients, verdicts

_EVENT = tuple(events.c[field] for field in ReceivedEvent.__dataclass_fields__)
_KINDS = [kind.value for kind in sorted(JUDGED)]
_READ = 5_000  # rows

JUDGED_EVENTS = events.outerjoin(verdicts, verdicts.c.event_id == events.c.event_id)
BY_PEOPLE = sa.or_(verdicts.c.verdict.is_(None), verdicts.c.verdict.not_in([verdict.value for verdict in NOT_COUNTED]))
"""Of judged events: those that count. What was not judged yet does, such as a bounce, which no machine brings about."""


class Verdicts:
    """The verdicts kept in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def messages_of(self, send_id: SendId) -> Iterator[list[Trace]]:
        """The events of a send that machines may be behind, message by message; read as they are asked for, never all at once."""
        query = _traces(events).where(*_of(send_id)).order_by(events.c.message_id, events.c.event_id)
        with self._database.connect() as connection:
            rows = connection.execution_options(yield_per=_READ).execute(query)
            for _, found in groupby(rows, key=lambda row: row.message_id):
                yield [_trace(row) for row in found]

    def by_people(self, send_id: SendId, kind: EventKind) -> Iterator[Trace]:
        """The events of a send of one kind without those that machines brought about, in the order of ids."""
        query = _traces(JUDGED_EVENTS).where(*_of(send_id), events.c.kind == kind.value, BY_PEOPLE).order_by(events.c.event_id)
        with self._database.connect() as connection:
            yield from map(_trace, connection.execution_options(yield_per=_READ).execute(query))

    def are_current(self, send_id: SendId, rule_version: str) -> bool:
        """Whether every event of a send has been judged by this version of the rules."""
        judged = sa.and_(verdicts.c.event_id == events.c.event_id, verdicts.c.rule_version == rule_version)
        query = sa.select(events.c.event_id).select_from(events.outerjoin(verdicts, judged))
        with self._database.connect() as connection:
            return connection.execute(query.where(*_of(send_id), verdicts.c.event_id.is_(None)).limit(1)).first() is None

    def write(self, send_id: SendId, judgements: Iterable[Judgement], at: datetime) -> int:
        """Keep verdicts, replacing those that say something else; returns how many are new or changed."""
        insert = self._database.insert(verdicts)
        fresh = {name: insert.excluded[name] for name in ("verdict", "score", "reasons", "rule_version", "judged_at")}
        differs = sa.or_(*(verdicts.c[name] != fresh[name] for name in ("score", "reasons", "verdict", "rule_version")))
        upsert = insert.on_conflict_do_update(index_elements=["event_id"], set_=fresh, where=differs).returning(verdicts.c.event_id)
        changed = 0
        for batch in batches(iter(judgements)):
            rows = [_row(send_id, judgement, at) for judgement in batch]
            with self._database.begin() as connection:
                changed += len(connection.execute(upsert, rows).all())
        return changed

    def counts(self, send_ids: Sequence[SendId]) -> list[VerdictCount]:
        """The events of sends by kind, verdict and reasons, those not judged yet included."""
        columns = (events.c.kind, verdicts.c.verdict, verdicts.c.reasons)
        query = sa.select(*columns, sa.func.count().label("events")).select_from(JUDGED_EVENTS)
        query = query.where(events.c.send_id.in_(send_ids), events.c.kind.in_(_KINDS)).group_by(*columns).order_by(*columns)
        with self._database.connect() as connection:
            return [_count(row) for row in connection.execute(query)]


def _traces(what: sa.FromClause) -> sa.Select[Any]:
    joined = what.outerjoin(messages, messages.c.message_id == events.c.message_id)
    joined = joined.outerjoin(recipients, recipients.c.recipient_id == events.c.recipient_id)
    return sa.select(*_EVENT, recipients.c.address_normalised, messages.c.answered_at).select_from(joined)


def _of(send_id: SendId) -> tuple[sa.ColumnElement[bool], ...]:
    return events.c.send_id == send_id, events.c.kind.in_(_KINDS), events.c.message_id.is_not(None)


def _trace(row: Row[Any]) -> Trace:
    values = row._asdict()
    address, handed_off_at = values.pop("address_normalised"), values.pop("answered_at")
    event = ReceivedEvent(**values | {"kind": EventKind(values["kind"])})
    return Trace(event, address.rpartition("@")[2] if address else None, handed_off_at)


def _row(send_id: SendId, judgement: Judgement, at: datetime) -> dict[str, object]:
    return {
        "event_id": judgement.event_id,
        "send_id": send_id,
        "verdict": judgement.verdict.value,
        "score": judgement.score,
        "reasons": orjson.dumps(judgement.reasons).decode(),
        "rule_version": judgement.rule_version,
        "judged_at": at,
    }


def _count(row: Row[Any]) -> VerdictCount:
    verdict = Verdict(row.verdict) if row.verdict else None
    return VerdictCount(EventKind(row.kind), verdict, tuple(orjson.loads(row.reasons)) if row.reasons else (), row.events)
