"""`letterpress train` with an eye on the data and on the incumbent, on small worlds in homes of their own."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from domain.errors import InputError
from letterpress.main import app
from ranking.history import OUTCOMES
from runtime.house import House, open_house, shared_house
from runtime.settings import load_settings
from tests.ranking.test_ranking_commands import store_recipients
from tests.ranking.world import NOW, World, make_world


def home_of(world: World, folder: Path) -> House:
    """A home whose lake holds the world."""
    house = open_house(load_settings(folder))
    for table in ("decisions", "outcomes", "events", "purchases"):
        house.lake.write(table, getattr(world.history, table), name="world")
    store_recipients(house, world)
    return house


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Commands run in the home of the test."""
    monkeypatch.setenv("LETTERPRESS_HOME", str(tmp_path))
    shared_house.cache_clear()
    return CliRunner()


def trained(run: CliRunner, *arguments: str) -> dict[str, Any]:
    """What `train` answers."""
    result = run.invoke(app, ["train", *arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_tracking_outage_ends_training_with_the_reason_and_registers_nothing(run: CliRunner, tmp_path: Path) -> None:
    """Exit code 2 with placement and rates, and what to do; told to go on all the same, it does, and the card says so."""
    world = make_world(recipients=700, sends=6, seed=4)
    last = world.history.decisions.to_pandas()["decided_at"].max()
    outcomes = world.history.outcomes.to_pandas()
    kept = pa.Table.from_pandas(outcomes[outcomes["occurred_at"] < last], schema=OUTCOMES, preserve_index=False)
    house = home_of(World(world.recipients, world.likes, type(world.history)(world.history.decisions, kept)), tmp_path)
    result = run.invoke(app, ["train", "--as-of", NOW.isoformat()])
    assert isinstance(result.exception, InputError) and result.exception.exit_code == 2
    assert "is tracking broken?" in str(result.exception) and "--anyway" in str(result.exception)
    assert house.models.list() == []
    assert any("is tracking broken?" in note for note in trained(run, "--anyway", "--as-of", NOW.isoformat())["card"]["notes"])


def test_a_second_model_goes_on_from_the_first_and_is_compared_with_it(run: CliRunner, tmp_path: Path) -> None:
    """Same settings, same number of segments, and a sentence on both from decisions that neither has seen."""
    home_of(make_world(recipients=900, sends=8, seed=4), tmp_path)
    first = trained(run, "--as-of", (NOW - timedelta(days=21)).isoformat())
    second = trained(run, "--as-of", NOW.isoformat())
    assert first["state"] == "incumbent"
    assert second["card"]["hyperparameters"] == first["card"]["hyperparameters"]
    assert not any("incumbent" in note for note in first["card"]["notes"])
    assert any("incumbent" in note for note in second["card"]["notes"])
