"""The model registry: files and card come back as they were; a campaign has one incumbent."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import InputError
from domain.ids import CampaignId, ModelVersion
from domain.model import ModelState
from storage.database import Database
from storage.lake import Lake
from storage.models import Models

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
WEEKLY = CampaignId("weekly")


def save(
    models: Models, version: str, campaign: CampaignId | None = WEEKLY, days: int = 0, state: ModelState = ModelState.CANDIDATE
) -> ModelVersion:
    """Register a small model."""
    at = AT + timedelta(days=days)
    files = {"booster.txt": version.encode(), "parameters.json": b"{}"}
    models.save(ModelVersion(version), campaign, files, {"metrics": {"auc": 0.7}}, trained_at=at, as_of=at, state=state)
    return ModelVersion(version)


def test_a_saved_model_is_loaded_whole(database: Database, lake: Lake) -> None:
    """Files and card of a model come back byte for byte."""
    models = Models(database, lake)
    loaded = models.load(save(models, "m1"))
    assert loaded.files == {"booster.txt": b"m1", "parameters.json": b"{}"}
    assert loaded.row.card == {"metrics": {"auc": 0.7}}
    assert (loaded.model_version, loaded.row.state, loaded.row.trained_at) == ("m1", ModelState.CANDIDATE, AT)


def test_an_unknown_model_is_the_users_mistake(database: Database, lake: Lake) -> None:
    """Loading or moving a version that is not registered is InputError."""
    models = Models(database, lake)
    with pytest.raises(InputError):
        models.load(ModelVersion("nothing"))
    with pytest.raises(InputError):
        models.set_state(ModelVersion("nothing"), ModelState.INCUMBENT)


def test_a_new_incumbent_retires_the_one_before(database: Database, lake: Lake) -> None:
    """A campaign has one incumbent; others keep theirs."""
    models = Models(database, lake)
    other = save(models, "o1", CampaignId("other"), state=ModelState.INCUMBENT)
    first, second = save(models, "m1", state=ModelState.INCUMBENT), save(models, "m2", days=1)
    assert models.incumbent(WEEKLY) == first
    models.set_state(second, ModelState.INCUMBENT)
    assert models.incumbent(WEEKLY) == second
    assert {row.model_version: row.state for row in models.list()} == {
        second: ModelState.INCUMBENT,
        first: ModelState.RETIRED,
        other: ModelState.INCUMBENT,
    }


def test_a_model_for_every_campaign_fills_in(database: Database, lake: Lake) -> None:
    """Without an incumbent of its own a campaign is decided by the one that serves all."""
    models = Models(database, lake)
    assert models.incumbent(WEEKLY) is None
    shared = save(models, "all", None, days=5, state=ModelState.INCUMBENT)
    assert models.incumbent(WEEKLY) == shared
    own = save(models, "m1", state=ModelState.INCUMBENT)
    assert models.incumbent(WEEKLY) == own


def test_models_are_listed_latest_first(database: Database, lake: Lake) -> None:
    """The list starts with the model trained last."""
    models = Models(database, lake)
    save(models, "m1")
    save(models, "m2", days=1)
    assert [row.model_version for row in models.list(WEEKLY)] == ["m2", "m1"]
