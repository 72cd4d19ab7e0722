"""Rollouts and the looks taken at them. A step is taken once: a look and what follows from it are one transaction."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import IntegrityError

from domain.audit import AuditEntry
from domain.ids import CampaignId, ModelVersion, SendId
from domain.rollout import ENDED, Look, Rollout, RolloutState, Verdict
from storage.audit import write_down
from storage.database import Database
from storage.schema import rollout_looks, rollouts

_ROLLOUT = tuple(rollouts.c[name] for name in Rollout.__dataclass_fields__)
_LOOK = tuple(rollout_looks.c[name] for name in Look.__dataclass_fields__)


class Rollouts:
    """The rollouts of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, rollout: Rollout, entry: AuditEntry) -> bool:
        """Record a rollout. False if its campaign has one that goes on, or had one of this candidate."""
        row = asdict(rollout) | {"state": rollout.state.value, "stages": orjson.dumps(rollout.stages).decode(), "ended_at": None}
        try:
            with self._database.begin() as connection:
                connection.execute(sa.insert(rollouts), row)
                write_down(connection, entry)
        except IntegrityError:
            return False
        return True

    def current(self, campaign: CampaignId) -> Rollout | None:
        """The rollout of a campaign that goes on."""
        return next((one for one in self.list(campaign) if one.state not in ENDED), None)

    def get(self, campaign: CampaignId, candidate: ModelVersion) -> Rollout | None:
        """The rollout of a candidate."""
        return next((one for one in self.list(campaign) if one.candidate == candidate), None)

    def list(self, campaign: CampaignId | None = None) -> list[Rollout]:
        """All rollouts (of a campaign), the latest first."""
        query = sa.select(*_ROLLOUT).order_by(rollouts.c.began_at.desc(), rollouts.c.candidate)
        with self._database.connect() as connection:
            found = connection.execute(query if campaign is None else query.where(rollouts.c.campaign == campaign))
            return [_rollout(row) for row in found]

    def record(self, look: Look) -> bool:
        """Record a look that changes nothing. False if it is the same as one that was recorded."""
        with self._database.begin() as connection:
            return self._add(connection, look)

    def step(self, before: Rollout, after: Rollout, look: Look, entry: AuditEntry) -> bool:
        """Record a look and the step that follows from it, unsettled; False if the rollout is no longer as it was when it was looked at."""
        same = _is(before), rollouts.c.state == before.state.value, rollouts.c.stage.is_not_distinct_from(before.stage)
        values = {
            "state": after.state.value,
            "stage": after.stage,
            "stage_since": after.stage_since,
            "reason": after.reason,
            "settled": False,
            "ended_at": look.at if after.state in ENDED else None,
        }
        with self._database.begin() as connection:
            if connection.execute(sa.update(rollouts).where(*same).values(**values)).rowcount != 1:
                return False
            self._add(connection, look)
            write_down(connection, entry)
        return True

    def settle(self, rollout: Rollout) -> None:
        """All that follows from the step that led to this state was done."""
        this = _is(rollout), rollouts.c.state == rollout.state.value, rollouts.c.stage.is_not_distinct_from(rollout.stage)
        with self._database.begin() as connection:
            connection.execute(sa.update(rollouts).where(*this).values(settled=True))

    def looks(self, rollout: Rollout) -> Sequence[Look]:
        """The looks taken at a rollout, in order."""
        query = sa.select(*_LOOK).where(rollout_looks.c.campaign == rollout.campaign, rollout_looks.c.candidate == rollout.candidate)
        with self._database.connect() as connection:
            return [_look(row) for row in connection.execute(query.order_by(rollout_looks.c.at, rollout_looks.c.look_id))]

    def _add(self, connection: Connection, look: Look) -> bool:
        row = {name: getattr(look, name) for name in Look.__dataclass_fields__} | {"look_id": look.look_id}
        row |= {"verdict": look.verdict.value, "state": look.state.value, "figures": _json(look.figures)}
        row |= {"reasons": _json(look.reasons), "sends": _json(look.sends)}
        insert = self._database.insert(rollout_looks).on_conflict_do_nothing()
        return connection.execute(insert, row).rowcount == 1


def _is(rollout: Rollout) -> sa.ColumnElement[bool]:
    return sa.and_(rollouts.c.campaign == rollout.campaign, rollouts.c.candidate == rollout.candidate)


def _json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_SORT_KEYS, default=dict).decode()


def _rollout(row: Row[Any]) -> Rollout:
    values = row._asdict()
    return Rollout(**values | {"state": RolloutState(values["state"]), "stages": tuple(orjson.loads(values["stages"]))})


def _look(row: Row[Any]) -> Look:
    values = row._asdict()
    read = {name: orjson.loads(values[name]) for name in ("reasons", "sends", "figures")}
    words = {"verdict": Verdict(values["verdict"]), "state": RolloutState(values["state"])}
    found = Look(**values | words | {"figures": read["figures"]})
    return replace(found, reasons=tuple(read["reasons"]), sends=tuple(map(SendId, read["sends"])))
