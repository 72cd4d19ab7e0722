"""`letterpress evaluate`: what it judges, draws and refuses, on small worlds in homes of their own."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from typer.testing import CliRunner, Result

from domain.errors import InputError
from domain.hashing import buckets_of, keys_of
from letterpress.main import app
from ranking.history import DECISIONS, OUTCOMES
from runtime.house import open_house, shared_house
from runtime.settings import load_settings
from tests.ranking.world import NOW, World, make_world

AS_OF = ["--as-of", NOW.isoformat()]
PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(recipients=1_200, sends=6, seed=4)


def make_home(folder: Path, world: World, *, decisions: pd.DataFrame | None = None, outcomes: pd.DataFrame | None = None) -> Path:
    """A home whose lake holds the world, with other decisions or outcomes where given."""
    house = open_house(load_settings(folder))
    changed = {"decisions": (decisions, DECISIONS), "outcomes": (outcomes, OUTCOMES)}
    for table in ("decisions", "outcomes", "events", "purchases"):
        frame, schema = changed.get(table, (None, None))
        rows = getattr(world.history, table) if frame is None else pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
        house.lake.write(table, rows, name="world")
    ids = world.recipients["recipient_id"]
    house.recipients.upsert(
        pd.DataFrame(
            {
                "recipient_id": ids,
                "address": ids + "@shop.example",
                "address_normalised": ids + "@shop.example",
                "bucket": buckets_of(keys_of(ids)),
                "time_zone": world.recipients["time_zone"],
                "locale": "en",
                "consent": True,
                "created_at": pd.Timestamp(NOW),
                "attributes": "{}",
            }
        ),
        NOW,
    )
    return folder


@pytest.fixture(autouse=True)
def one_house_each() -> Iterator[None]:
    """No test sees the house that another opened."""
    shared_house.cache_clear()
    yield
    shared_house.cache_clear()


def run(home: Path, *arguments: str) -> Result:
    """A command against that home."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LETTERPRESS_HOME", str(home))
        shared_house.cache_clear()
        return CliRunner().invoke(app, [*arguments, *AS_OF])


@pytest.fixture(scope="module")
def two_models(world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A home with an incumbent and a candidate of other recipients: the home and both versions."""
    home = make_home(tmp_path_factory.mktemp("home"), world)
    incumbent = run(home, "train", "--where", "bucket < 32768", "--json")
    candidate = run(home, "train", "--where", "bucket < 40000", "--candidate", "--json")
    versions = [json.loads(done.stdout)["card"]["model_version"] for done in (incumbent, candidate)]
    assert versions[0] != versions[1]
    return home, versions[0], versions[1]


def test_a_candidate_is_compared_with_the_incumbent(two_models: tuple[Path, str, str]) -> None:
    """Named with --model, it stands beside the incumbent, on decisions that neither has seen; unnamed, the incumbent stands alone."""
    home, incumbent, candidate = two_models
    both = json.loads(run(home, "evaluate", "--model", candidate, "--where", "bucket >= 40000", "--json").stdout)
    assert (both["model_version"], both["incumbent_version"]) == (candidate, incumbent)
    assert both["left_out"]["seen_in_training"] == 0
    assert ["model", "incumbent"] in [c["roles"] for c in both["total"]["comparisons"]]
    alone = json.loads(run(home, "evaluate", "--where", "bucket >= 40000", "--json").stdout)
    assert (alone["model_version"], alone["incumbent_version"]) == (incumbent, None)


def test_a_picture_is_drawn(two_models: tuple[Path, str, str], tmp_path: Path) -> None:
    """Values and reliability as a PNG file, beside the answer; the same command draws the same bytes."""
    home, _, candidate = two_models
    files = [tmp_path / "a.png", tmp_path / "b.PNG"]
    for file in files:
        assert run(home, "evaluate", "--model", candidate, "--picture", str(file)).exit_code == 0
    assert files[0].read_bytes().startswith(PNG)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_figures_stand_beside_what_they_rest_on(two_models: tuple[Path, str, str]) -> None:
    """For people: values, effective samples, largest weights, matched outcomes, calibration, order, and a verdict for each placement."""
    said = run(two_models[0], "evaluate").stdout
    for words in ("clicks per letter", "prefix sample", "max weight", "matched", "calibration error", "NDCG@5", "decisions speak"):
        assert words in said


def test_cannot_tell_is_an_answer(two_models: tuple[Path, str, str]) -> None:
    """With a few recipients there is no verdict but the reason, and the command ends well."""
    done = run(two_models[0], "evaluate", "--where", "bucket < 6000", "--json")
    assert done.exit_code == 0
    assert {c["verdict"] for c in json.loads(done.stdout)["total"]["comparisons"]} == {"cannot tell"}


def test_without_propensities_it_says_what_to_do(world: World, tmp_path: Path) -> None:
    """Imported history that lacks them is refused, with the column that would help."""
    home = make_home(tmp_path, world, decisions=world.history.decisions.to_pandas().assign(propensity=np.nan, prefix_propensity=np.nan))
    error = run(home, "evaluate").exception
    assert isinstance(error, InputError)
    assert error.exit_code == 2
    assert "28,800 decisions have no propensity: import them again with a column `propensity`" in str(error)


def test_revenue_is_in_currency_per_letter(world: World, tmp_path: Path) -> None:
    """With the goal revenue, values are amounts with intervals, and the table says in what."""
    outcomes = world.history.outcomes.to_pandas().assign(kind="conversion", value=20.0, currency="EUR")
    home = make_home(tmp_path, world, outcomes=outcomes)
    found = json.loads(run(home, "evaluate", "--goal", "revenue", "--json").stdout)
    logged = found["total"]["policies"][0]
    assert found["unit"] == "EUR"
    assert logged["item_position"]["value"] == pytest.approx(20 * len(outcomes) / found["total"]["slates"])
    assert logged["item_position"]["low"] < logged["item_position"]["value"] < logged["item_position"]["high"]
    assert "EUR per letter" in run(home, "evaluate", "--goal", "revenue").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--picture", "values.jpg"], "no PNG file"),
        (["--picture", "no-such-folder/values.png"], "there is no folder"),
        (["--default", "weekly.hero"], "PLACEMENT=VARIANT"),
        (["--model", "none"], "not in the registry"),
    ],
)
def test_mistakes_are_said_before_the_work(two_models: tuple[Path, str, str], arguments: list[str], said: str) -> None:
    """A picture that cannot be, a slate that is none, an unknown model: exit 2, with words."""
    error = run(two_models[0], "evaluate", *arguments).exception
    assert isinstance(error, InputError)
    assert said in str(error)
