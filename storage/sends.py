"""Sends: opened once, then only their status changes; and which of their shards are done."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Row

from domain.campaign import Surface
from domain.errors import InputError
from domain.ids import CampaignId, ContentVersion, SendId
from domain.send import Send, SendStatus
from storage.database import Database
from storage.schema import messages, runs, send_shards, sends

Counts = dict[str, int]

_SEND = tuple(sends.c[field] for field in Send.__dataclass_fields__)


class Sends:
    """The sends of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, send: Send, at: datetime) -> Send:
        """Record a send; if its id is there already, the recorded one is returned unchanged (`as_of` stays frozen)."""
        row = asdict(send) | {"status": send.status.value, "surface": send.surface.value, "opened_at": at, "changed_at": at}
        with self._database.begin() as connection:
            connection.execute(self._database.insert(sends).on_conflict_do_nothing(), row)
            return _send(connection.execute(sa.select(*_SEND).where(sends.c.send_id == send.send_id)).one())

    def get(self, send_id: SendId) -> Send | None:
        """The send of this id."""
        with self._database.connect() as connection:
            row = connection.execute(sa.select(*_SEND).where(sends.c.send_id == send_id)).one_or_none()
        return _send(row) if row else None

    def list(
        self, campaign: CampaignId | None = None, *, surface: Surface | None = Surface.MAIL, since: datetime | None = None
    ) -> list[Send]:
        """The sends (of a campaign) of a surface, the latest scheduled first; None for those of every surface.

        `since`: scheduled then or later. A site is refreshed many times a day: whoever asks for refreshes says since when.
        """
        with self._database.connect() as connection:
            return [_send(row) for row in connection.execute(_listed(campaign, surface, since))]

    def latest(self, campaign: CampaignId | None = None, *, surface: Surface | None = Surface.MAIL) -> Send | None:
        """The send (of a campaign) of a surface that was scheduled last."""
        with self._database.connect() as connection:
            row = connection.execute(_listed(campaign, surface, None).limit(1)).one_or_none()
        return _send(row) if row else None

    def open_ones(self) -> Sequence[Send]:
        """The sends of every surface that are not over."""
        over = [SendStatus.FINISHED.value, SendStatus.CANCELLED.value]
        with self._database.connect() as connection:
            return [_send(row) for row in connection.execute(_listed(None, None, None).where(sends.c.status.not_in(over)))]

    def contents(self) -> dict[CampaignId, ContentVersion]:
        """What each campaign was sent, or refreshed, with last."""
        last = sa.select(sends.c.campaign, sa.func.max(sends.c.scheduled_at).label("at")).group_by(sends.c.campaign).subquery()
        query = sa.select(sends.c.campaign, sends.c.content_version).join(
            last, sa.and_(last.c.campaign == sends.c.campaign, last.c.at == sends.c.scheduled_at)
        )
        with self._database.connect() as connection:
            return {CampaignId(row.campaign): ContentVersion(row.content_version) for row in connection.execute(query)}

    def set_status(
        self, send_id: SendId, status: SendStatus, reason: str | None, at: datetime, expected: Collection[SendStatus] | None = None
    ) -> bool:
        """Change the status, if it is one of `expected`. True if it was changed."""
        update = sa.update(sends).where(sends.c.send_id == send_id)
        if expected is not None:
            update = update.where(sends.c.status.in_([one.value for one in expected]))
        with self._database.begin() as connection:
            return connection.execute(update.values(status=status.value, reason=reason, changed_at=at)).rowcount == 1

    def finish_shard(self, send_id: SendId, shard: int, stage: str, counts: Mapping[str, int], at: datetime) -> None:
        """Record a stage of a shard as done. The first record stays: a finished shard is never computed again."""
        document = orjson.dumps(dict(counts), option=orjson.OPT_SORT_KEYS).decode()
        row = {"send_id": send_id, "shard": shard, "stage": stage, "counts": document, "finished_at": at}
        with self._database.begin() as connection:
            connection.execute(self._database.insert(send_shards).on_conflict_do_nothing(), row)

    def reopen_shards(self, send_id: SendId, stage: str, shards: Collection[int]) -> None:
        """Take back that a stage of these shards is done: some of it is to be done again."""
        gone = (send_shards.c.send_id == send_id, send_shards.c.stage == stage, send_shards.c.shard.in_(sorted(shards)))
        with self._database.begin() as connection:
            connection.execute(sa.delete(send_shards).where(*gone))

    def finished_shards(self, send_id: SendId, stage: str) -> dict[int, Counts]:
        """The finished shards of a stage, with their counts."""
        query = sa.select(send_shards.c.shard, send_shards.c.counts).where(send_shards.c.send_id == send_id, send_shards.c.stage == stage)
        with self._database.connect() as connection:
            return {shard: orjson.loads(counts) for shard, counts in connection.execute(query.order_by(send_shards.c.shard))}

    def discard(self, send_id: SendId) -> None:
        """Take back a send that nobody was written to, as if it had never been opened. InputError once the ledger knows it."""
        with self._database.begin() as connection:
            if connection.scalar(sa.select(sa.exists().where(messages.c.send_id == send_id))):
                raise InputError(f"{send_id} has messages in the ledger; it can be cancelled, not discarded")
            for table in (send_shards, runs, sends):
                connection.execute(sa.delete(table).where(table.c.send_id == send_id))


def _listed(campaign: CampaignId | None, surface: Surface | None, since: datetime | None) -> sa.Select[Any]:
    query = sa.select(*_SEND).order_by(sends.c.scheduled_at.desc(), sends.c.send_id)
    query = query if campaign is None else query.where(sends.c.campaign == campaign)
    query = query if surface is None else query.where(sends.c.surface == surface.value)
    return query if since is None else query.where(sends.c.scheduled_at >= since)


def _send(row: Row[Any]) -> Send:
    values = row._asdict()
    return Send(**values | {"status": SendStatus(values["status"]), "surface": Surface(values["surface"])})
