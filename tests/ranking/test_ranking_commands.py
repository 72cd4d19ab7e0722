"""`letterpress train`, `evaluate` and `models`, on a small world in a home of its own."""

import json
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from domain.errors import InputError
from domain.hashing import buckets_of, keys_of
from domain.recipient import AttributeKind
from letterpress.main import app
from runtime.house import House, open_house, shared_house
from runtime.settings import load_settings
from tests.ranking.world import NOW, World, make_world

AS_OF = ["--as-of", NOW.isoformat()]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose lake holds a world, without a model."""
    folder = tmp_path_factory.mktemp("home")
    house, made = open_house(load_settings(folder)), make_world(recipients=1_200, sends=6, seed=4)
    for table in ("decisions", "outcomes", "events", "purchases"):
        house.lake.write(table, getattr(made.history, table), name="world")
    store_recipients(house, made)
    return folder


def store_recipients(house: House, world: World) -> None:
    house.recipients.declare({"age": AttributeKind.NUMERIC, "tier": AttributeKind.CATEGORICAL}, NOW)
    known = world.recipients
    attributes = [json.dumps({"age": age, "tier": tier}) for age, tier in zip(known["age"], known["tier"], strict=True)]
    addresses = known["recipient_id"] + "@shop.example"
    frame = pd.DataFrame(
        {
            "recipient_id": known["recipient_id"],
            "address": addresses,
            "address_normalised": addresses,
            "bucket": buckets_of(keys_of(known["recipient_id"])),
            "time_zone": known["time_zone"],
            "locale": "en",
            "consent": True,
            "created_at": pd.Timestamp(NOW.astimezone(UTC)),
            "attributes": attributes,
        }
    )
    house.recipients.upsert(frame, NOW)


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    """Commands run against that home."""
    monkeypatch.setenv("LETTERPRESS_HOME", str(home))
    shared_house.cache_clear()
    yield CliRunner()
    shared_house.cache_clear()


def answer(run: CliRunner, *arguments: str) -> object:
    """What a command prints as JSON."""
    result = run.invoke(app, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def trained(home: Path) -> dict[str, Any]:
    """What `train` answers on half of that home's buckets. Every test that needs a model asks for it: tests run in any order."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LETTERPRESS_HOME", str(home))
        shared_house.cache_clear()
        found = answer(CliRunner(), "train", "--where", "bucket < 32768", *AS_OF)
        shared_house.cache_clear()
    assert isinstance(found, dict)
    return found


def test_a_trained_model_becomes_the_incumbent_and_is_judged_on_the_other_half(run: CliRunner, trained: dict[str, Any]) -> None:
    """Train on half of the buckets, evaluate on the other half: nothing was seen, and the model earns more than what was logged."""
    assert trained["state"] == "incumbent"
    assert trained["card"]["where"] == "bucket < 32768"
    asked = ["--where", "bucket >= 32768", "--default", "weekly.hero=boots-1", "--temperature", "0.5"]
    found = answer(run, "evaluate", *asked, *AS_OF)
    assert isinstance(found, dict)
    assert found["left_out"]["seen_in_training"] == 0
    roles = {policy["role"] for policy in found["placements"][0]["policies"]}
    assert {"logged", "random", "default", "always boots-1", "best fixed", "model", "model at temperature"} <= roles
    assert [c["verdict"] for c in found["total"]["comparisons"]][-1] == "better"


@pytest.mark.usefixtures("trained")
def test_recipients_trained_on_are_known_to_be_seen(run: CliRunner) -> None:
    """Asked without a condition, the half that the model was trained on is left out but for its held-out decisions."""
    found, half = answer(run, "evaluate", *AS_OF), answer(run, "evaluate", "--where", "bucket >= 32768", *AS_OF)
    assert isinstance(found, dict)
    assert isinstance(half, dict)
    assert found["left_out"]["seen_in_training"] > 0
    assert half["decisions"] < found["decisions"] < 1_200 * 6 * 4


def test_models_are_listed_and_shown_with_pictures(run: CliRunner, trained: dict[str, Any], tmp_path: Path) -> None:
    """The registry lists the model; its card can be shown and its pictures written."""
    rows = answer(run, "models", "list")
    assert isinstance(rows, list)
    version = rows[0]["model_version"]
    assert version == trained["card"]["model_version"]
    shown = answer(run, "models", "show", version, "--pictures", str(tmp_path / "pictures"))
    assert isinstance(shown, dict)
    assert shown["card"]["metrics"]["ece"] < 0.05
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == ["calibration.png", "importance.png"]


def test_text_for_people_says_what_matters(run: CliRunner, trained: dict[str, Any]) -> None:
    """Without --json there is a table of policies and a sentence; with a model, a card."""
    evaluated = run.invoke(app, ["evaluate", *AS_OF], catch_exceptions=False).stdout
    assert "random" in evaluated
    assert "decisions judged" in evaluated
    assert "looks at" in run.invoke(app, ["models", "show", trained["card"]["model_version"]]).stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "--where", "bukket < 1"], "bukket"),
        (["train", "--as-of", "yesterday"], "no instant"),
        (["train", "--as-of", "2020-01-01"], "0 decisions of the 1,000 needed"),
        (["evaluate", "--as-of", "2020-01-01"], "known propensity"),
        (["evaluate", "--default", "weekly.hero"], "PLACEMENT=VARIANT"),
        (["models", "show", "none"], "not in the registry"),
        (["train", "no-such-campaign"], "no campaign"),
    ],
)
def test_mistakes_are_input_errors(run: CliRunner, arguments: list[str], said: str) -> None:
    """A bad condition, instant, slate, version or campaign, or too little data, is the user's to mend: exit 2, with words."""
    result = run.invoke(app, arguments)
    assert isinstance(result.exception, InputError)
    assert said in str(result.exception)
    assert result.exception.exit_code == 2
