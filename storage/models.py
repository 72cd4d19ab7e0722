"""The model registry: rows in the database, files in the lake under `models/<model_version>/`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from domain.errors import InputError
from domain.ids import CampaignId, ModelVersion
from domain.model import ModelState
from storage.database import Database
from storage.lake import Lake
from storage.schema import models


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A registered model. `card` is its model card's document; `campaign` None serves every campaign."""

    model_version: ModelVersion
    campaign: CampaignId | None
    state: ModelState
    trained_at: datetime
    as_of: datetime
    card: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A registered model with its files, by name."""

    row: ModelRow
    files: Mapping[str, bytes]

    @property
    def model_version(self) -> ModelVersion:
        """The version of this model."""
        return self.row.model_version


class Models:
    """The models of one database and lake."""

    def __init__(self, database: Database, lake: Lake) -> None:
        self._database, self._lake = database, lake

    def save(
        self,
        model_version: ModelVersion,
        campaign: CampaignId | None,
        files: Mapping[str, bytes],
        card: Mapping[str, Any],
        *,
        trained_at: datetime,
        as_of: datetime,
        state: ModelState = ModelState.CANDIDATE,
    ) -> None:
        """Register a model: its files first, then the row that makes it visible. A version is saved once."""
        for name, data in files.items():
            self._lake.put_bytes(f"{_folder(model_version)}/{name}", data)
        document = orjson.dumps(card, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_SORT_KEYS, default=str).decode()
        row = {"model_version": model_version, "campaign": campaign, "state": ModelState.CANDIDATE.value, "card": document}
        with self._database.begin() as connection:
            connection.execute(self._database.insert(models).on_conflict_do_nothing(), row | {"trained_at": trained_at, "as_of": as_of})
            _move(connection, model_version, state)

    def load(self, model_version: ModelVersion) -> ModelFiles:
        """The model of a version; InputError if it is not registered or its files are gone."""
        row = self.get(model_version)
        folder = _folder(model_version)
        names = self._lake.list_bytes(folder)
        if row is None or not names:
            raise InputError(
                f"model {model_version} is not in the registry" if row is None else f"the files of model {model_version} are gone"
            )
        return ModelFiles(row, {name: self._lake.get_bytes(f"{folder}/{name}") for name in names})

    def get(self, model_version: ModelVersion) -> ModelRow | None:
        """The row of a version."""
        with self._database.connect() as connection:
            row = connection.execute(sa.select(models).where(models.c.model_version == model_version)).one_or_none()
        return _row(row) if row else None

    def incumbent(self, campaign: CampaignId) -> ModelVersion | None:
        """The version that decides for a campaign: its own incumbent, else the one that serves every campaign."""
        query = (
            sa.select(models.c.model_version)
            .where(models.c.state == ModelState.INCUMBENT.value, sa.or_(models.c.campaign == campaign, models.c.campaign.is_(None)))
            .order_by(models.c.campaign.is_(None), models.c.trained_at.desc(), models.c.model_version)
        )
        with self._database.connect() as connection:
            found = connection.scalar(query.limit(1))
        return None if found is None else ModelVersion(found)

    def list(self, campaign: CampaignId | None = None) -> list[ModelRow]:
        """All models (of a campaign), the latest trained first."""
        query = sa.select(models).order_by(models.c.trained_at.desc(), models.c.model_version)
        with self._database.connect() as connection:
            return [_row(row) for row in connection.execute(query if campaign is None else query.where(models.c.campaign == campaign))]

    def set_state(self, model_version: ModelVersion, state: ModelState) -> None:
        """Change a model's state; a new incumbent retires the one before it. InputError if it is not registered."""
        with self._database.begin() as connection:
            _move(connection, model_version, state)


def _move(connection: Connection, model_version: ModelVersion, state: ModelState) -> None:
    this = models.c.model_version == model_version
    row = connection.execute(sa.select(models.c.campaign).where(this)).one_or_none()
    if row is None:
        raise InputError(f"model {model_version} is not in the registry")
    if state is ModelState.INCUMBENT:
        before = models.c.campaign.is_not_distinct_from(row.campaign), models.c.state == state.value, ~this
        connection.execute(sa.update(models).where(*before).values(state=ModelState.RETIRED.value))
    connection.execute(sa.update(models).where(this).values(state=state.value))


def _row(row: Row[Any]) -> ModelRow:
    values = row._asdict()
    return ModelRow(**values | {"state": ModelState(values["state"]), "card": orjson.loads(values["card"])})


def _folder(model_version: ModelVersion) -> str:
    return f"models/{model_version}"
