"""Training: reproducible, calibrated, honest about what it has not got."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from delivery.compile import compile_campaign
from domain.campaign import Goal
from ranking.evaluation.promotion import objections
from ranking.features.compute import compute_features, serving_spine
from ranking.history import DECISIONS, History
from ranking.model import RankingModel, card_document, card_of
from ranking.model_card import ModelCard
from ranking.scoring.scorer import score
from ranking.specification import FeatureSpec, TrainingSpec
from ranking.splitting import SplitBy
from ranking.too_little import TooLittleData
from ranking.training.train import TrainingRequest, request_for, train
from tests.ranking.world import HERO, NOW, STORIES, THETA, VARIANTS, World, make_world


def test_same_data_and_seed_give_the_same_bytes(world: World, request_: TrainingRequest, model: RankingModel) -> None:
    """Trained again, every file of the model is the same byte for byte, pictures included."""
    again = train(world.history, world.recipients, request_)
    assert isinstance(again, RankingModel)
    assert again.to_files() == model.to_files()


def test_order_of_history_does_not_matter(world: World, request_: TrainingRequest, model: RankingModel) -> None:
    """Rows of the lake in another order give the same model."""
    rng = np.random.default_rng(5)
    tables = (world.history.decisions, world.history.outcomes, world.history.events, world.history.purchases)
    shuffled = History(*(table.take(rng.permutation(len(table))) for table in tables))
    again = train(shuffled, world.recipients, request_)
    assert isinstance(again, RankingModel)
    assert again.model_version == model.model_version


def test_files_hold_the_whole_model(world: World, model: RankingModel) -> None:
    """Saved and loaded, it has the same card and scores to the bit."""
    loaded = RankingModel.from_files(model.to_files())
    assert loaded.card == model.card
    assert loaded.to_files() == model.to_files()
    spine = serving_spine(world.recipients.head(50), NOW)
    scores = [score(m, compute_features(spine, world.history, m.parameters), VARIANTS, NOW) for m in (model, loaded)]
    np.testing.assert_array_equal(*scores)


def test_the_card_survives_the_registry(model: RankingModel) -> None:
    """The plain document that the registry keeps gives back the same card."""
    document = card_document(model.card)
    assert card_of(document) == model.card
    assert document["model_version"] == model.model_version


def test_latest_decisions_are_held_out(model: RankingModel) -> None:
    """With eight weekly sends the last ones are held out, in time order."""
    card = model.card
    assert card.split.by is SplitBy.TIME
    assert card.split.held_out_from is not None
    assert card.training.rows + card.validation.rows + card.held_out.rows == 1_500 * 8 * 4
    assert 0.15 < card.held_out.rows / (1_500 * 8 * 4) < 0.3


def test_rates_are_calibrated_and_say_something(model: RankingModel) -> None:
    """On held-out decisions the mean error of ten bins is small, and tastes explain more than popularity does."""
    metrics = model.card.metrics
    assert metrics.ece < 0.02
    assert metrics.deviance_explained > 0.05
    assert metrics.auc is not None
    assert metrics.auc > 0.7
    assert objections(model.card) == ()


def test_the_card_has_an_order_and_a_temperature(model: RankingModel) -> None:
    """Clicked variants stand higher than chance puts them, and the temperature keeps the effective sample that was asked for."""
    metrics, tempering = model.card.metrics, model.card.tempering
    assert metrics.ndcg is not None and metrics.ndcg_at_random is not None and tempering is not None
    assert metrics.ndcg > metrics.ndcg_at_random + 0.05
    assert model.card.temperature == tempering.temperature
    [chosen] = [trial for trial in tempering.trials if trial.temperature == tempering.temperature]
    assert chosen.effective_sample >= tempering.effective_sample


def test_cards_from_before_order_and_temperature_can_be_read(model: RankingModel) -> None:
    """What an older card lacks is None."""
    document = card_document(model.card)
    del document["tempering"], document["metrics"]["ndcg"], document["metrics"]["ndcg_at_random"]
    card = card_of(document)
    assert card.temperature is None
    assert card.metrics.ndcg is None
    assert card.model_version == model.model_version


def test_another_temperature_is_another_version(world: World, request_: TrainingRequest, model: RankingModel) -> None:
    """What decides differently is not called the same: asked to keep more of the log, the same forest gets another version."""
    asked = replace(request_, training=replace(request_.training, effective_sample=0.95))
    other = train(world.history, world.recipients, asked)
    assert isinstance(other, RankingModel)
    assert other.forest == model.forest
    assert other.card.temperature != model.card.temperature
    assert other.model_version != model.model_version


def test_a_campaigns_policy_reaches_its_training() -> None:
    """The share of uniform rankings and the effective sample come from campaign.yaml."""
    content = compile_campaign(Path(__file__).parents[2] / "templates" / "weekly")
    policy = replace(content.campaign.policy, explore=0.2, effective_sample=0.5)
    content = replace(content, campaign=replace(content.campaign, policy=policy))
    training = request_for(content, {}, NOW).training
    assert (training.explore, training.effective_sample) == (0.2, 0.5)


def test_scores_follow_true_rates(world: World, model: RankingModel) -> None:
    """Rates at position 1 correlate with the true ones, and their mean is within a tenth of the truth in both placements."""
    features = compute_features(serving_spine(world.recipients, NOW), world.history, model.parameters)
    for placement in (HERO, STORIES):
        rates = np.exp(score(model, features, [v for v in VARIANTS if v.placement == placement], NOW))
        truth = world.rates(placement)
        assert np.corrcoef(rates.ravel(), truth.ravel())[0, 1] > 0.75
        assert rates.mean() == pytest.approx(truth.mean(), rel=0.2)


def test_too_little_history_says_what_is_missing(world: World, request_: TrainingRequest) -> None:
    """Without decisions there is no model but a list of what is needed."""
    found = train(History(), world.recipients, request_)
    assert isinstance(found, TooLittleData)
    assert [s.what for s in found.missing] == ["decisions", "decisions with a click", "variants shown in one placement"]
    assert "0 decisions of the 1,000 needed" in str(found)


def test_one_days_decisions_are_split_by_recipient(world: World, request_: TrainingRequest) -> None:
    """Without a later week recipients are held out, and the card says so."""
    decisions = world.history.decisions.to_pandas()
    one = decisions[decisions["send_id"] == decisions["send_id"].min()]
    history = replace(world.history, decisions=pa.Table.from_pandas(one, schema=DECISIONS, preserve_index=False))
    found = train(history, world.recipients, request_)
    assert isinstance(found, RankingModel)
    assert found.card.split.by is SplitBy.RECIPIENT
    assert any("held out by hash" in note for note in found.card.notes)
    held_out = found.card.split.held_out(one["recipient_id"], one["decided_at"])
    assert pd.Series(held_out).groupby(one["recipient_id"].to_numpy()).nunique().max() == 1


def test_revenue_can_be_the_goal(world: World, request_: TrainingRequest) -> None:
    """With conversions and amounts, scores are expected revenue per decision."""
    outcomes = world.history.outcomes.to_pandas()
    outcomes["kind"], outcomes["value"] = "conversion", 20.0
    history = replace(world.history, outcomes=pa.Table.from_pandas(outcomes, schema=world.history.outcomes.schema, preserve_index=False))
    found = train(history, world.recipients, replace(request_, training=replace(request_.training, goal=Goal.REVENUE)))
    assert isinstance(found, RankingModel)
    assert found.card.metrics.predicted_rate == pytest.approx(found.card.metrics.observed_rate, rel=0.1)
    assert found.card.metrics.auc is None


def test_a_model_that_learnt_nothing_is_objected_to(model: RankingModel) -> None:
    """No better than popularity, or badly calibrated: reasons against letting it decide."""
    card: ModelCard = model.card
    assert "popular" in objections(replace(card, metrics=replace(card.metrics, deviance_explained=-0.01)))[0]
    assert "off by" in objections(replace(card, metrics=replace(card.metrics, ece=0.05)))[0]


def test_clicks_of_noise_give_equal_scores() -> None:
    """Where recipients' tastes do not matter, the held-out slope keeps scores of a variant close together."""
    quiet = make_world(recipients=800, seed=9)
    rng = np.random.default_rng(1)
    decisions = quiet.history.decisions
    hit = rng.random(len(decisions)) < 0.1 * np.asarray(THETA)[np.asarray(decisions["position"]) - 1]
    clicks = decisions.filter(pa.array(hit)).select(["decision_id", "recipient_id", "received_at"]).to_pandas()
    clicks = clicks.assign(kind="click", value=np.nan, currency=None, source="t", occurred_at=clicks["received_at"] + timedelta(hours=1))
    clicks["received_at"] = clicks["occurred_at"]
    outcomes = pa.Table.from_pandas(clicks, schema=quiet.history.outcomes.schema, preserve_index=False)
    spec = TrainingSpec(trees=60)
    history = replace(quiet.history, outcomes=outcomes)
    found = train(history, quiet.recipients, TrainingRequest(NOW, FeatureSpec(variants=VARIANTS), spec))
    assert isinstance(found, RankingModel)
    features = compute_features(serving_spine(quiet.recipients, NOW), history, found.parameters)
    rates = np.exp(score(found, features, VARIANTS[:8], NOW))
    assert rates.std() < 0.02
