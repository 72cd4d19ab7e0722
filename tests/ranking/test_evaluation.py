"""Off-policy evaluation against a world whose truth is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ranking.evaluation import Evaluation, EvaluationRequest, PlacementValues, evaluate
from ranking.history import DECISIONS, History
from ranking.model import RankingModel
from ranking.too_little import TooLittleData
from ranking.verdicts import PolicyValue
from tests.ranking.world import HERO, NOW, STORIES, THETA, World, make_world


@pytest.fixture(scope="module")
def big() -> World:
    return make_world(recipients=6_000, sends=3, seed=3)


@pytest.fixture(scope="module")
def judged(big: World) -> Evaluation:
    found = evaluate(big.history, big.recipients, None, EvaluationRequest(NOW, defaults={HERO: ["boots-1"]}))
    assert isinstance(found, Evaluation)
    return found


def policy(values: PlacementValues, name: str) -> PolicyValue:
    return next(p for p in values.policies if p.role.startswith(name))


def of(found: Evaluation, placement: str) -> PlacementValues:
    return next(p for p in found.placements if p.placement == placement)


def test_single_variants_are_valued_at_their_true_rates(big: World, judged: Evaluation) -> None:
    """Each interval of 'always v' holds the true mean rate of v (all eight, at 99.9 % each)."""
    truth = big.rates(HERO).mean(axis=0)
    values = [p for p in of(judged, HERO).policies if p.role.startswith("always")]
    assert len(values) == 8
    for value, expected in zip(values, truth, strict=True):
        half = (value.item_position.high - value.item_position.value) * 3.3 / 1.96
        assert value.item_position.value == pytest.approx(expected, abs=half)


def test_random_is_valued_at_its_truth_with_several_positions(big: World, judged: Evaluation) -> None:
    """By item-position weights and by prefix weights alike, random earns the mean rate times the positions' examination."""
    truth = big.rates(STORIES).mean() * sum(THETA)
    value = policy(of(judged, STORIES), "random")
    for interval in (value.item_position, value.prefix):
        assert interval.value == pytest.approx(truth, abs=(interval.high - interval.value) * 3.3 / 1.96)


def test_the_default_is_the_variant_it_names(judged: Evaluation) -> None:
    """The default policy of one position is the single variant of that name."""
    assert policy(of(judged, HERO), "default").item_position == policy(of(judged, HERO), "always boots-1").item_position


def test_the_total_is_the_sum_over_placements(judged: Evaluation) -> None:
    """Per letter, the logged value is the sum of the placements' values."""
    parts = [policy(of(judged, p), "logged").item_position.value for p in (HERO, STORIES)]
    assert policy(judged.total, "logged").item_position.value == pytest.approx(sum(parts))


def test_a_model_beats_what_was_logged_on_what_it_has_not_seen(world: World, model: RankingModel) -> None:
    """Only held-out decisions are judged; the model's policy earns more than the logged one, within its true value."""
    found = evaluate(world.history, world.recipients, model, EvaluationRequest(NOW))
    assert isinstance(found, Evaluation)
    assert found.left_out.seen_in_training == model.card.training.rows + model.card.validation.rows
    assert found.decisions == model.card.held_out.rows
    comparison = next(c for c in found.total.comparisons if c.against == "what was logged")
    assert comparison.verdict == "better"
    best = world.rates(HERO).max(axis=1).mean()
    assert policy(of(found, HERO), "model").item_position.low < best


def test_too_small_a_sample_gets_no_verdict(world: World, model: RankingModel) -> None:
    """Under 1,000 effective decisions the answer is that it cannot be told, with the reason, not a figure."""
    few = world.recipients.head(300)
    found = evaluate(world.history, few, model, EvaluationRequest(NOW))
    assert isinstance(found, Evaluation)
    assert {c.verdict for c in found.total.comparisons} == {"cannot tell"}
    assert "under 1,000" in found.verdict


def test_decisions_without_propensity_are_left_out_and_counted(world: World) -> None:
    """Unknown propensities and the holdout cannot be weighted; whole slates go, and are counted by reason."""
    frame = world.history.decisions.to_pandas()
    ids = sorted(frame["recipient_id"].unique())
    frame.loc[frame["recipient_id"].isin(ids[:100]) & (frame["position"] == 2), "propensity"] = np.nan
    frame.loc[frame["recipient_id"].isin(ids[100:300]), "arm"] = "holdout"
    history = replace(world.history, decisions=pa.Table.from_pandas(frame, schema=DECISIONS, preserve_index=False))
    found = evaluate(history, world.recipients, None, EvaluationRequest(NOW))
    assert isinstance(found, Evaluation)
    assert (found.left_out.no_propensity, found.left_out.holdout) == (100 * 8 * 3, 200 * 8 * 4)
    assert found.decisions == (1_500 * 4 - 100 * 3 - 200 * 4) * 8


def test_nothing_to_judge_is_said(world: World) -> None:
    """Without any known propensity there is no evaluation but a list of what is missing."""
    assert isinstance(evaluate(History(), world.recipients, None, EvaluationRequest(NOW)), TooLittleData)


def test_intervals_cover_the_truth() -> None:
    """Over 60 logs, 95 % intervals of random, by both weights, hold the truth in at least 88 %: 3 standard errors below."""
    hits: list[bool] = []
    for seed in range(60):
        small = make_world(recipients=700, sends=1, seed=100 + seed)
        found = evaluate(small.history, small.recipients, None, EvaluationRequest(NOW, placements=(STORIES,)))
        assert isinstance(found, Evaluation)
        truth = small.rates(STORIES).mean() * sum(THETA)
        value = policy(found.total, "random")
        hits += [interval.low <= truth <= interval.high for interval in (value.item_position, value.prefix)]
    assert np.mean(hits) >= 0.88


def test_logs_with_ties_and_one_recipient_twice_are_clustered() -> None:
    """The same log repeated under other send ids does not make intervals narrower than the recipients allow."""
    small = make_world(recipients=700, sends=1, seed=1)
    once = evaluate(small.history, small.recipients, None, EvaluationRequest(NOW, placements=(HERO,)))
    copies = [
        small.history.decisions.to_pandas().assign(send_id=f"s{n}", decision_id=lambda f, n=n: f["decision_id"] + str(n)) for n in range(4)
    ]
    clicks = [small.history.outcomes.to_pandas().assign(decision_id=lambda f, n=n: f["decision_id"] + str(n)) for n in range(4)]
    history = replace(
        small.history,
        decisions=pa.Table.from_pandas(pd.concat(copies), schema=DECISIONS, preserve_index=False),
        outcomes=pa.Table.from_pandas(pd.concat(clicks), schema=small.history.outcomes.schema, preserve_index=False),
    )
    four = evaluate(history, small.recipients, None, EvaluationRequest(NOW, placements=(HERO,)))
    assert isinstance(once, Evaluation)
    assert isinstance(four, Evaluation)
    narrow, wide = policy(four.total, "random").item_position, policy(once.total, "random").item_position
    assert narrow.high - narrow.low == pytest.approx(wide.high - wide.low, rel=1e-6)
