"""What sets two models apart."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from domain.errors import InputError
from letterpress.main import app
from letterpress.model_diff import Change, ModelDiff, diff_models
from letterpress.model_diff_view import diff_view
from letterpress.output import to_json
from ranking.model import RankingModel, card_document
from ranking.specification import FeatureSpec, Hyperparameters, TrainingSpec
from ranking.training.train import TrainingRequest, train
from runtime.house import shared_house
from tests.ranking.world import ATTRIBUTES, NOW, VARIANTS, World, make_world

EARLIER = NOW - timedelta(days=40)  # before the last of the world's sends


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(recipients=800, sends=5, seed=2)


def trained(world: World, request: TrainingRequest) -> RankingModel:
    model = train(world.history, world.recipients, request)
    assert isinstance(model, RankingModel)
    return model


@pytest.fixture(scope="module")
def first(world: World) -> RankingModel:
    features = FeatureSpec(attributes=ATTRIBUTES, variants=VARIANTS)
    return trained(world, TrainingRequest(NOW, features, TrainingSpec(trees=12), code_version="1.0"))


@pytest.fixture(scope="module")
def second(world: World) -> RankingModel:
    """Trained on one send less, without an attribute, with a further variant, and with smaller trees."""
    attributes = {name: kind for name, kind in ATTRIBUTES.items() if name != "tier"}
    gloves = replace(VARIANTS[0], variant="gloves-1", category="gloves", declared={"smell": "rose"})
    features = FeatureSpec(attributes=attributes, variants=(*VARIANTS, gloves), engagement_window=timedelta(days=60))
    spec = TrainingSpec(trees=12, hyperparameters=Hyperparameters(leaves=7))
    return trained(world, TrainingRequest(EARLIER, features, spec, code_version="2.0"))


@pytest.fixture(scope="module")
def diff(first: RankingModel, second: RankingModel) -> ModelDiff:
    return diff_models(first, second)


def changed(changes: tuple[Change, ...]) -> dict[str, tuple[object, object]]:
    return {one.what: (one.a, one.b) for one in changes}


def test_a_model_does_not_differ_from_itself(first: RankingModel) -> None:
    """Nothing changed, no metric is better, nothing moved, and the text says "the same"."""
    found = diff_models(first, RankingModel.from_files(first.to_files()))
    assert not (found.data or found.code or found.parameters or found.hyperparameters or found.importances)
    assert not (found.features.added or found.features.lost or found.features.words)
    assert found.same_held_out
    assert {(pair.difference, pair.better) for pair in found.metrics if pair.a is not None} == {(0.0, None)}
    assert "features: the same" in told(found)


def test_the_data_window_and_the_code_are_told(diff: ModelDiff) -> None:
    """When the decisions were received, how many there were, and by which version of the code they were learnt from."""
    data, code = changed(diff.data), changed(diff.code)
    assert data["received before"] == ("2026-03-10T09:00:00Z", "2026-01-29T09:00:00Z")
    assert data["training decisions"][0] != data["training decisions"][1]
    assert data["categories"] == ("boots, coats, hats, socks", "boots, coats, gloves, hats, socks")
    assert code["code version"] == ("1.0", "2.0")
    assert not diff.same_held_out


def test_features_and_their_words_are_told(diff: ModelDiff) -> None:
    """Features that came and went by name, and the words that a feature learnt or lost."""
    assert diff.features.added == ("variant.smell",)
    assert diff.features.lost == ("attribute.tier",)
    words = {one.feature: (one.added, one.lost) for one in diff.features.words}
    assert words["variant_category"] == (("gloves",), ())
    assert words["variant"] == (("weekly.hero/gloves-1",), ())


def test_parameters_and_settings_are_told(diff: ModelDiff) -> None:
    """Priors, windows and calibration that differ; of LightGBM's settings those that differ, and no other."""
    parameters, settings = changed(diff.parameters), changed(diff.hyperparameters)
    assert parameters["engagement window, days"] == (30.0, 60.0)
    assert "mean rate, boots" in parameters
    assert parameters["mean rate, gloves"][0] is None
    assert settings["num_leaves"] == ("31", "7")
    assert "learning_rate" not in settings


def test_metrics_stand_side_by_side(diff: ModelDiff, first: RankingModel, second: RankingModel) -> None:
    """All of the card's, with their difference and which is better: more explained deviance, less calibration error."""
    metrics = {pair.metric: pair for pair in diff.metrics}
    explained, error = metrics["beyond popularity"], metrics["calibration error"]
    assert (explained.a, explained.b) == (first.card.metrics.deviance_explained, second.card.metrics.deviance_explained)
    assert explained.better == ("b" if second.card.metrics.deviance_explained > first.card.metrics.deviance_explained else "a")
    assert error.better == ("b" if second.card.metrics.ece < first.card.metrics.ece else "a")
    assert metrics["observed rate"].better is None


def test_importances_that_moved_most_come_first(diff: ModelDiff) -> None:
    """A feature that one model lacks has no share there."""
    moves = [abs(float(one.b or 0) - float(one.a or 0)) for one in diff.importances]
    assert moves == sorted(moves, reverse=True)
    assert changed(diff.importances)["attribute.tier"][1] == 0.0


def test_people_read_a_table_that_fits_a_terminal(diff: ModelDiff) -> None:
    """Metrics, then what may have moved them, in eighty columns; a difference of data is said to be one."""
    text = told(diff)
    for words in ("held-out metrics", "judged on different decisions", "features lost: attribute.tier", "num_leaves", "share of gain"):
        assert words in text
    assert max(map(len, text.splitlines())) <= 80


def test_programs_read_one_document(diff: ModelDiff) -> None:
    """Everything is there as JSON, differences included."""
    assert '"difference"' in to_json(diff) and '"hyperparameters"' in to_json(diff)


def test_the_command_compares_two_registered_models(
    first: RankingModel, second: RankingModel, diff: ModelDiff, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`models diff A B` says the same of what the registry keeps, as text and as JSON; a version it lacks is the user's mistake."""
    monkeypatch.setenv("LETTERPRESS_HOME", str(tmp_path))
    shared_house.cache_clear()
    for model in (first, second):
        document = card_document(model.card)
        shared_house().models.save(model.model_version, None, model.to_files(), document, trained_at=NOW, as_of=model.card.as_of)
    asked = ["models", "diff", first.model_version, second.model_version]
    assert json.loads(CliRunner().invoke(app, [*asked, "--json"], catch_exceptions=False).stdout) == json.loads(to_json(diff))
    assert "held-out metrics" in CliRunner().invoke(app, asked, catch_exceptions=False).stdout
    refused = CliRunner().invoke(app, ["models", "diff", first.model_version, "nobody"]).exception
    assert isinstance(refused, InputError) and "nobody is not in the registry" in str(refused)
    listed = CliRunner().invoke(app, ["models", "list"], catch_exceptions=False).stdout
    assert first.model_version in listed and "AUC" in listed
    shared_house.cache_clear()


@given(st.floats(0, 1), st.floats(0, 1))
def test_swapping_the_models_swaps_the_verdicts(first: RankingModel, x: float, y: float) -> None:
    """What is better beside the other is worse the other way round; differences change their sign."""
    a, b = (replace(first, card=replace(first.card, metrics=replace(first.card.metrics, ece=ece, auc=1 - ece))) for ece in (x, y))
    for there, back in zip(diff_models(a, b).metrics, diff_models(b, a).metrics, strict=True):
        assert {"a": "b", "b": "a", None: None}[there.better] == back.better
        if there.difference is not None and back.difference is not None:
            assert there.difference == -back.difference


def told(found: ModelDiff) -> str:
    """What people see in eighty columns."""
    console = Console(width=80, color_system=None)
    with console.capture() as captured:
        console.print(diff_view(found))
    return captured.get()
