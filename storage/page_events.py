"""Events of placements on pages: which decision each names, and what people saw and clicked. Known machines' are left out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa

from domain.event import EventKind
from domain.ids import SendId
from domain.page_event import PageEvent
from storage.database import Database, batches
from storage.schema import events, site_events
from storage.verdicts import BY_PEOPLE, JUDGED_EVENTS

_KINDS = (EventKind.SHOWN.value, EventKind.CLICKED.value)
_READ = 5_000  # rows
_KNOWN_AT = sa.type_coerce(sa.func.coalesce(site_events.c.known_at, events.c.received_at), events.c.received_at.type)
_OF_PAGES = sa.and_(events.c.decision_id.is_not(None), events.c.message_id.is_(None))
_FROM = JUDGED_EVENTS.join(site_events, site_events.c.event_id == events.c.event_id)
_OWN = [events.c[name] for name in ("event_id", "kind", "recipient_id", "decision_id", "send_id", "occurred_at")]


class PageEvents:
    """The events of placements in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def untraced(self, since: datetime) -> Iterator[list[PageEvent]]:
        """People's events received since then of which it is not known yet whose decision they name, some thousand at a time."""
        yield from batches(self._events(events.c.send_id.is_(None), events.c.received_at >= since))

    def trace(self, found: Mapping[str, SendId]) -> None:
        """Write down to which send the decision of each event belongs, by event id."""
        update = sa.update(events).where(events.c.event_id == sa.bindparam("event")).values(send_id=sa.bindparam("send"))
        for batch in batches(sorted(found.items())):
            with self._database.begin() as connection:
                connection.execute(update, [{"event": event_id, "send": send_id} for event_id, send_id in batch])

    def of(self, send_ids: Iterable[SendId]) -> Iterator[PageEvent]:
        """People's events that name decisions of these sends, in the order of ids within a few hundred sends."""
        for batch in batches(sorted(send_ids), 300):
            yield from self._events(events.c.send_id.in_(batch))

    def seen(self, since: datetime) -> Mapping[SendId, int]:
        """How many decisions of each send people have seen, as far as events received since then tell."""
        distinct = sa.func.count(sa.distinct(events.c.decision_id))
        query = sa.select(events.c.send_id, distinct).select_from(_FROM).group_by(events.c.send_id)
        query = query.where(_OF_PAGES, events.c.kind.in_(_KINDS), events.c.send_id.is_not(None), events.c.received_at >= since, BY_PEOPLE)
        with self._database.connect() as connection:
            return {SendId(send_id): number for send_id, number in connection.execute(query)}

    def _events(self, *where: sa.ColumnElement[bool]) -> Iterator[PageEvent]:
        """In pieces by id, each read for itself, so that no reader holds up a writer."""
        query = sa.select(*_OWN, site_events.c.properties, _KNOWN_AT.label("received_at")).select_from(_FROM)
        query = query.where(_OF_PAGES, events.c.kind.in_(_KINDS), events.c.recipient_id.is_not(None), BY_PEOPLE, *where)
        last = ""
        while True:
            with self._database.connect() as connection:
                rows: Sequence[Any] = connection.execute(
                    query.where(events.c.event_id > last).order_by(events.c.event_id).limit(_READ)
                ).all()
            if not rows:
                return
            yield from map(_event, rows)
            last = rows[-1].event_id


def _event(row: Any) -> PageEvent:
    values = row._asdict()
    told = orjson.loads(values.pop("properties"))
    return PageEvent(
        **values | {"kind": EventKind(row.kind)}, placement=str(told.get("placement", "")), position=_number(told.get("position", "1"))
    )


def _number(told: object) -> int:
    """The position; 0, which nothing stands at, for what is none."""
    return int(told) if isinstance(told, str) and told.isdecimal() and len(told) < 4 else 0  # noqa: PLR2004 - three digits are plenty
