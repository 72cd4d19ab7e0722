"""Sends: opened once, then only their status changes; and which of their shards are done."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Row

from domain.errors import InputError
from domain.ids import CampaignId, SendId
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
        row = asdict(send) | {"status": send.status.value, "opened_at": at, "changed_at": at}
        with self._database.begin() as connection:
            connection.execute(self._database.insert(sends).on_conflict_do_nothing(), row)
            return _send(connection.execute(sa.select(*_SEND).where(sends.c.send_id == send.send_id)).one())

    def get(self, send_id: SendId) -> Send | None:
        """The send of this id."""
        with self._database.connect() as connection:
            row = connection.execute(sa.select(*_SEND).where(sends.c.send_id == send_id)).one_or_none()
        return _send(row) if row else None

    def list(self, campaign: CampaignId | None = None) -> list[Send]:
        """All sends (of a campaign), the latest scheduled first."""
        query = sa.select(*_SEND).order_by(sends.c.scheduled_at.desc(), sends.c.send_id)
        with self._database.connect() as connection:
            rows = connection.execute(query if campaign is None else query.where(sends.c.campaign == campaign))
            return [_send(row) for row in rows]

    def latest(self, campaign: CampaignId | None = None) -> Send | None:
        """The send (of a campaign) that was scheduled last."""
        return next(iter(self.list(campaign)), None)

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


def _send(row: Row[Any]) -> Send:
    values = row._asdict()
    return Send(**values | {"status": SendStatus(values["status"])})
