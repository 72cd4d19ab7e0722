"""Off-policy evaluation against a world whose truth is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from domain.campaign import Goal
from domain.errors import InputError
from ranking.evaluation.contenders import Contender
from ranking.evaluation.evaluate import Evaluation, EvaluationRequest, PlacementValues, evaluate, most_rows
from ranking.history import DECISIONS, OUTCOMES, History
from ranking.model import RankingModel
from ranking.policies.judging import INCUMBENT
from ranking.policies.verdicts import PolicyValue
from ranking.too_little import TooLittleData
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


def test_popularity_is_drawn_from_without_knowing_recipients(big: World, judged: Evaluation) -> None:
    """At temperature 0.5 variants are drawn by the square of their true mean rates; the interval holds what that earns, at 99.9 %."""
    rates = big.rates(HERO).mean(axis=0)
    value = policy(of(judged, HERO), "popularity").item_position
    assert value.value == pytest.approx((rates**2 / (rates**2).sum() * rates).sum(), abs=(value.high - value.value) * 3.3 / 1.96)


def test_a_model_is_compared_with_the_incumbent(world: World, model: RankingModel) -> None:
    """Another model is judged on the same decisions, unseen by both, strictly and drawn; the same model again differs by nothing."""
    found = evaluate(world.history, world.recipients, model, EvaluationRequest(NOW), incumbent=Contender(INCUMBENT, model))
    assert isinstance(found, Evaluation)
    assert found.incumbent_version == found.model_version == model.model_version
    assert [q.role for q in found.quality] == ["model", "incumbent"]
    differences = {c.roles: c.difference for c in found.total.comparisons}
    for roles in (("model", "incumbent"), ("model at temperature", "incumbent at temperature")):
        assert (differences[roles].low, differences[roles].high) == (0, 0)


def test_decisions_that_the_incumbent_has_seen_are_left_out(world: World, model: RankingModel) -> None:
    """An incumbent that saw everybody's first weeks leaves fewer decisions than a model that saw some recipients only."""
    some = frozenset(world.recipients["recipient_id"].head(500))
    alone = evaluate(world.history, world.recipients, model, EvaluationRequest(NOW, trained_on=some))
    both = evaluate(
        world.history, world.recipients, model, EvaluationRequest(NOW, trained_on=some), incumbent=Contender(INCUMBENT, model, None)
    )
    assert isinstance(alone, Evaluation)
    assert isinstance(both, Evaluation)
    assert both.decisions == model.card.held_out.rows < alone.decisions


def test_the_model_s_rates_and_order_are_judged_too(world: World, model: RankingModel) -> None:
    """On unseen decisions its rates are calibrated, and it finds clicks further up than popularity, which beats no order."""
    found = evaluate(world.history, world.recipients, model, EvaluationRequest(NOW))
    assert isinstance(found, Evaluation)
    [quality] = found.quality
    assert quality.ece < 0.02
    assert sum(b.rows for b in quality.reliability) == found.decisions
    assert quality.ndcg is not None and quality.ndcg_by_popularity is not None and quality.ndcg_at_random is not None
    assert quality.ndcg > quality.ndcg_by_popularity > quality.ndcg_at_random
    assert quality.ndcg_at_random == pytest.approx((1 / np.log2(np.arange(2, 7))).sum() / 8, abs=1e-9)


def test_rates_of_clicks_are_not_held_against_revenue(world: World, model: RankingModel) -> None:
    """A model of clicks may be judged by what its choices earn; its predictions are of something else, and are not compared."""
    found = evaluate(_revenue(world, ["EUR"]), world.recipients, model, EvaluationRequest(NOW, goal=Goal.REVENUE))
    assert isinstance(found, Evaluation)
    assert found.quality == ()
    assert found.total.policy("model").item_position.value > found.total.policy("random").item_position.value


def test_roles_can_be_compared_on_request(world: World, model: RankingModel) -> None:
    """Any two policies by role; a policy with itself differs by nothing at all."""
    pairs = (("random", "logged"), ("random", "random"))
    found = evaluate(world.history, world.recipients, model, EvaluationRequest(NOW, pairs=pairs))
    assert isinstance(found, Evaluation)
    differences = {c.roles: c for c in found.total.comparisons}
    assert differences["random", "logged"].verdict == "worse"
    assert differences["random", "random"].difference.high == 0
    with pytest.raises(KeyError, match="random"):
        found.total.policy("nonsense")


def test_each_placement_says_which_policy_its_decisions_speak_for(world: World, model: RankingModel) -> None:
    """The model where it is shown to earn more than the best fixed ranking; nothing over all placements, which each have their own."""
    found = evaluate(world.history, world.recipients, model, EvaluationRequest(NOW))
    assert isinstance(found, Evaluation)
    assert found.total.choice is None
    for values in found.placements:
        assert values.choice is not None
        verdict = next(c.verdict for c in values.comparisons if c.roles == ("model", "best fixed"))
        assert (values.choice.role == "model") == (verdict == "better")


def _revenue(world: World, currencies: list[str | None]) -> History:
    outcomes = world.history.outcomes.to_pandas()
    outcomes["kind"], outcomes["value"] = "conversion", 20.0
    outcomes["currency"] = np.resize(np.array(currencies, dtype=object), len(outcomes))
    return replace(world.history, outcomes=pa.Table.from_pandas(outcomes, schema=OUTCOMES, preserve_index=False))


def test_revenue_is_in_its_currency(world: World) -> None:
    """Each click worth 20 EUR: values are 20 times those of clicks, intervals too, and the unit says EUR."""
    clicks = evaluate(world.history, world.recipients, None, EvaluationRequest(NOW))
    money = evaluate(_revenue(world, ["EUR"]), world.recipients, None, EvaluationRequest(NOW, goal=Goal.REVENUE))
    assert isinstance(clicks, Evaluation)
    assert isinstance(money, Evaluation)
    assert (clicks.unit, money.unit) == ("clicks", "EUR")
    for one, other in zip(clicks.total.policies, money.total.policies, strict=True):
        assert other.item_position.value == pytest.approx(20 * one.item_position.value)
        assert other.item_position.high == pytest.approx(20 * one.item_position.high)


def test_currencies_are_not_added_up(world: World) -> None:
    """Euros and dollars have no sum: that is said, and what to do; without any currency the unit is just revenue."""
    with pytest.raises(InputError, match=r"EUR and USD.*converted"):
        evaluate(_revenue(world, ["EUR", "USD"]), world.recipients, None, EvaluationRequest(NOW, goal=Goal.REVENUE))
    plain = evaluate(_revenue(world, [None]), world.recipients, None, EvaluationRequest(NOW, goal=Goal.REVENUE))
    assert isinstance(plain, Evaluation)
    assert plain.unit == "revenue"


def test_what_cannot_be_judged_is_counted_with_what_to_do(world: World) -> None:
    """Without a propensity nothing is weighed: the answer says how many decisions lack it and how to give it."""
    frame = world.history.decisions.to_pandas().assign(propensity=np.nan)
    history = replace(world.history, decisions=pa.Table.from_pandas(frame, schema=DECISIONS, preserve_index=False))
    found = evaluate(history, world.recipients.head(1_000), None, EvaluationRequest(NOW))
    assert isinstance(found, TooLittleData)
    assert "0 unseen decisions" in str(found)
    assert found.advice is not None
    assert "32,000 decisions have no propensity: import them again with a column `propensity`" in found.advice
    assert "16,000 decisions are of recipients who were not asked for" in found.advice


def test_a_logger_without_chance_is_no_basis(world: World) -> None:
    """Propensities of 1 by a rule on recipients: whatever the sample, other policies cannot be told from it."""
    frame = world.history.decisions.to_pandas()
    frame["propensity"] = frame["prefix_propensity"] = 1.0
    history = replace(world.history, decisions=pa.Table.from_pandas(frame, schema=DECISIONS, preserve_index=False))
    found = evaluate(history, world.recipients, None, EvaluationRequest(NOW, placements=(HERO,)))
    assert isinstance(found, Evaluation)
    for value in found.total.policies:
        assert (value.cannot_tell == ()) == (value.role == "logged")
    assert "the log lacks what this policy would show" in policy(found.total, "random").cannot_tell[0]


def test_what_is_not_for_a_recipient_is_not_expected_of_a_policy(world: World) -> None:
    """Where half of the recipients are not admitted to one variant, no policy shows it to them, and weights average 1 again."""
    frame = world.history.decisions.to_pandas().query("placement == @HERO")
    half = sorted(frame["recipient_id"].unique())[::2]
    inside = frame["recipient_id"].isin(half)
    rng, names = np.random.default_rng(0), np.array(sorted(frame["variant"].unique()), dtype=object)
    frame["variant"] = np.where(inside, rng.choice(names[names != "boots-1"], len(frame)), rng.choice(names, len(frame)))
    frame["propensity"] = frame["prefix_propensity"] = np.where(inside, 1 / 7, 1 / 8)
    history = replace(world.history, decisions=pa.Table.from_pandas(frame, schema=DECISIONS, preserve_index=False))
    admits = pd.DataFrame(True, index=pd.Index(world.recipients["recipient_id"]), columns=names)
    admits.loc[half, "boots-1"] = False
    blind = evaluate(history, world.recipients, None, EvaluationRequest(NOW))
    knowing = evaluate(history, world.recipients, None, EvaluationRequest(NOW, eligible={HERO: admits}))
    assert isinstance(blind, Evaluation)
    assert isinstance(knowing, Evaluation)
    assert policy(knowing.total, "random").support.mean_weight == pytest.approx(1)
    assert policy(knowing.total, "always boots-1").cannot_tell == ()
    assert "weights average 0.5" in policy(blind.total, "always boots-1").cannot_tell[-1]


def test_a_condition_that_the_log_did_not_keep_to_was_not_in_force(world: World) -> None:
    """History from before a condition was written shows the variant to everyone: it is judged as if there were none."""
    frame = world.history.decisions.to_pandas().query("placement == @HERO")
    rng, names = np.random.default_rng(0), np.array(sorted(frame["variant"].unique()), dtype=object)
    frame["variant"] = rng.choice(names, len(frame))
    frame["propensity"] = frame["prefix_propensity"] = 1 / 8
    history = replace(world.history, decisions=pa.Table.from_pandas(frame, schema=DECISIONS, preserve_index=False))
    admits = pd.DataFrame(True, index=pd.Index(world.recipients["recipient_id"]), columns=names)
    admits.loc[sorted(frame["recipient_id"].unique())[::2], "boots-1"] = False
    blind = evaluate(history, world.recipients, None, EvaluationRequest(NOW))
    knowing = evaluate(history, world.recipients, None, EvaluationRequest(NOW, eligible={HERO: admits}))
    assert isinstance(blind, Evaluation)
    assert isinstance(knowing, Evaluation)
    assert knowing.total == blind.total
    assert policy(knowing.total, "always boots-1").cannot_tell == ()


def test_clicks_that_depend_on_what_stands_above_are_noticed() -> None:
    """Readers who stop at the first click: prefix and item-position weights then disagree, and verdicts rest on prefix weights."""
    made = make_world(recipients=4_000, sends=3, seed=8)
    decisions = made.history.decisions.to_pandas().sort_values(["send_id", "recipient_id", "placement", "position"])
    rng = np.random.default_rng(0)
    pleases = rng.random(len(decisions)) < np.where(decisions["variant"].str.endswith("1"), 0.6, 0.1)
    before = pd.Series(pleases, index=decisions.index).groupby([decisions["send_id"], decisions["recipient_id"], decisions["placement"]])
    clicked = decisions[pleases & (before.cumsum() == 1)]
    clicks = pd.DataFrame({"decision_id": clicked["decision_id"], "recipient_id": clicked["recipient_id"], "kind": "click"})
    clicks = clicks.assign(occurred_at=clicked["decided_at"], received_at=clicked["decided_at"]).reindex(columns=OUTCOMES.names)
    history = replace(made.history, outcomes=pa.Table.from_pandas(clicks, schema=OUTCOMES, preserve_index=False))
    found = evaluate(history, made.recipients, None, EvaluationRequest(NOW))
    assert isinstance(found, Evaluation)
    assert (of(found, HERO).by_prefix, of(found, STORIES).by_prefix, found.total.by_prefix) == (False, True, True)


def test_as_much_is_judged_as_can_be_in_time() -> None:
    """One and two positions never cost much; 40 variants in three positions allow some 60,000 slates, 10 variants a million rows."""
    slates = pd.DataFrame({"slate": np.arange(400_000)})
    shown = slates.merge(pd.DataFrame({"position": [1, 2, 3]}), how="cross").assign(placement="p")
    wide = shown.assign(variant=shown["slate"] % 40)
    assert most_rows(wide[wide["position"] < 3]) == 800_000
    assert most_rows(wide) == pytest.approx(3 * 62_500, abs=2)
    assert most_rows(shown.assign(variant=shown["slate"] % 10)) == 1_000_000


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
