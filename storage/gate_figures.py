"""What a send's gates are judged by, counted in the database: cheap enough to be asked before every claim."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.event import EventKind
from domain.gates import GateCounts
from domain.ids import SendId
from domain.machine import NOT_COUNTED
from domain.message import MessageStatus
from storage.database import Database
from storage.schema import events, messages, verdicts

_BOUNCED = (EventKind.BOUNCED.value, EventKind.DROPPED.value)  # dropped: taken by the ESP, and then not sent by it
_WATCHED = (*_BOUNCED, EventKind.COMPLAINED.value, EventKind.UNSUBSCRIBED.value)
_LOST = [MessageStatus.REJECTED.value, MessageStatus.FAILED.value]
_ANSWERED = (MessageStatus.ACCEPTED, MessageStatus.REJECTED)


class GateFigures:
    """Counts over the ledger and the events of one database. `since` narrows them to letters that were claimed after that instant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, send_id: SendId, since: datetime | None = None) -> GateCounts:
        """All of the figures."""
        return self.happened(send_id, since, handed_off=self.handed_off(send_id, since))

    def handed_off(self, send_id: SendId, since: datetime | None = None) -> int:
        """Letters that the ESP has answered. Takes as long as the send is large, so it is not asked before every claim."""
        with self._database.connect() as connection:
            return int(connection.execute(_count(send_id, _ANSWERED, messages.c.claimed_at, since)).scalar_one())

    def at_most(self, send_id: SendId) -> GateCounts:
        """What went wrong, counted from indexes alone: events instead of letters, machines' and repeated ones included. Never too few."""
        kinds = events.c.kind.in_(_WATCHED)
        query = sa.select(events.c.kind, sa.func.count()).where(events.c.send_id == send_id, kinds).group_by(events.c.kind)
        stand = sa.select(messages.c.status, sa.func.count()).where(messages.c.send_id == send_id, messages.c.status.in_(_LOST))
        with self._database.connect() as connection:
            found = _tally(connection, query)
            lost = _tally(connection, stand.group_by(messages.c.status))
        return _counts(found, rejected=lost[MessageStatus.REJECTED], failed=lost[MessageStatus.FAILED])

    def happened(self, send_id: SendId, since: datetime | None = None, *, handed_off: int = 0) -> GateCounts:
        """What went wrong, beside a number of letters handed off that is known already. Reads no more rows than things went wrong."""
        with self._database.connect() as connection:
            found = _tally(connection, _events(send_id, since))
            rejected = connection.execute(_count(send_id, [MessageStatus.REJECTED], messages.c.claimed_at, since)).scalar_one()
            failed = connection.execute(_count(send_id, [MessageStatus.FAILED], messages.c.answered_at, since)).scalar_one()
        return replace(_counts(found, rejected=rejected, failed=failed), handed_off=handed_off)


def _tally(connection: Connection, query: sa.Select[Any]) -> Counter[str]:
    """A query's name and count per row."""
    return Counter({row[0]: row[1] for row in connection.execute(query)})


def _counts(found: Mapping[str, int], *, rejected: int, failed: int) -> GateCounts:
    return GateCounts(
        bounced=sum(found[kind] for kind in _BOUNCED) + rejected,
        complained=found[EventKind.COMPLAINED],
        unsubscribed=found[EventKind.UNSUBSCRIBED],
        failed=failed,
    )


def _count(send_id: SendId, statuses: Collection[MessageStatus], at: sa.Column[datetime], since: datetime | None) -> sa.Select[Any]:
    wanted = messages.c.status.in_([status.value for status in statuses])
    query = sa.select(sa.func.count()).select_from(messages).where(messages.c.send_id == send_id, wanted)
    return query if since is None else query.where(at > since)


def _events(send_id: SendId, since: datetime | None) -> sa.Select[Any]:
    """Letters by what happened to them; one that the ESP refused at once is counted as such, and not again by its webhook.

    What a machine brought about does not count; what is not judged yet does.
    """
    kind = sa.case((events.c.kind.in_(_BOUNCED), EventKind.BOUNCED.value), else_=events.c.kind)
    refused = sa.and_(events.c.kind.in_(_BOUNCED), messages.c.status == MessageStatus.REJECTED.value)
    by_people = sa.or_(verdicts.c.verdict.is_(None), verdicts.c.verdict.not_in([verdict.value for verdict in NOT_COUNTED]))
    query = (
        sa.select(kind, sa.func.count(sa.distinct(events.c.message_id)))
        .join(messages, messages.c.message_id == events.c.message_id)
        .outerjoin(verdicts, verdicts.c.event_id == events.c.event_id)
        .where(events.c.send_id == send_id, events.c.kind.in_(_WATCHED), sa.not_(refused), by_people)
        .group_by(kind)
    )
    return query if since is None else query.where(messages.c.claimed_at > since)
