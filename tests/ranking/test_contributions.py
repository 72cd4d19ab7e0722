"""Contributions add up exactly, and their words tell what the model saw."""

import re
from dataclasses import replace
from datetime import timedelta

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.calibration import Calibration
from ranking.features.compute import compute_features, serving_spine
from ranking.layout import FeatureFrame
from ranking.model import RankingModel
from ranking.scoring.contributions import CATEGORY_CLICKS, Comparison, Contribution, compare
from ranking.scoring.reasons import percent, sentence
from ranking.scoring.scorer import score
from ranking.specification import VariantFacts
from tests.ranking.world import HERO, NOW, VARIANTS, World

HEROES = [variant for variant in VARIANTS if variant.placement == HERO]
STRANGER = VariantFacts(HERO, "gloves-1", "gloves", {"discount": 0.5, "smell": "rose"})


@pytest.fixture(scope="session")
def frame(world: World, model: RankingModel) -> FeatureFrame:
    """Features of some recipients."""
    return compute_features(serving_spine(world.recipients.head(20), NOW), world.history, model.parameters)


def one(frame: FeatureFrame, row: int) -> FeatureFrame:
    return frame.take(np.array([row]))


@pytest.mark.parametrize("pair", [(HEROES[0], HEROES[3]), (HEROES[1], HEROES[0]), (HEROES[2], STRANGER), (STRANGER, HEROES[7])])
def test_effects_add_up_to_the_difference_of_the_scores(
    frame: FeatureFrame, model: RankingModel, pair: tuple[VariantFacts, VariantFacts]
) -> None:
    """For two variants, one of them perhaps unknown to the model: the sum of all effects is the scores' own difference."""
    scores = score(model, frame, pair, NOW).astype(np.float64)
    for row in range(len(frame)):
        found = compare(model, one(frame, row), *pair, NOW)
        assert sum(part.effect for part in found.contributions) == pytest.approx(found.difference, abs=1e-9)
        assert found.difference == pytest.approx(scores[row, 0] - scores[row, 1], abs=1e-6)
        assert found.log_rates == pytest.approx(tuple(scores[row]), abs=1e-6)


def test_every_feature_is_told_once_with_what_it_belongs_to(frame: FeatureFrame, model: RankingModel) -> None:
    """Dimensions of the embedding stand together, so do rate and count of a category; no feature is left out or told twice."""
    found = compare(model, one(frame, 0), HEROES[0], HEROES[3], NOW)
    told = [name for part in found.contributions for name in part.one]
    assert sorted(told) == sorted(feature.name for feature in model.parameters.layout.features)
    assert {part.about for part in found.contributions} >= {"purchase history", CATEGORY_CLICKS, "attribute.age", "variant.discount"}
    sizes = [abs(part.effect) for part in found.contributions]
    assert sizes == sorted(sizes, reverse=True)


def test_values_are_those_of_the_two_variants(frame: FeatureFrame, model: RankingModel) -> None:
    """What front matter declares and what the recipient's row holds; what the model does not know is None."""
    parts = {part.about: part for part in compare(model, one(frame, 0), HEROES[0], STRANGER, NOW).contributions}
    declared = parts["variant.discount"]
    assert declared.one == {"variant.discount": pytest.approx(0.1)}
    assert declared.other == {"variant.discount": pytest.approx(0.5)}
    assert parts["variant_category"].other == {"variant_category": None}
    assert set(parts[CATEGORY_CLICKS].other.values()) == {None}
    [age] = parts["attribute.age"].one.values()
    column = [feature.name for feature in model.parameters.layout.recipient].index("attribute.age")
    assert age == frame.recipient[0, column]


def test_wide_trees_are_explained_too(frame: FeatureFrame, model: RankingModel) -> None:
    """A forest that LightGBM itself has to score (trees of over 64 leaves) is taken apart the same way."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2_000, len(model.parameters.layout.features)))
    wide = lgb.train({"num_leaves": 127, "min_data_in_leaf": 1, "verbosity": -1}, lgb.Dataset(x, x[:, -1] * x[:, 0]), 3)
    wide_model = replace(model, forest=wide.model_to_string())
    found = compare(wide_model, one(frame, 0), HEROES[0], HEROES[3], NOW)
    scores = score(wide_model, one(frame, 0), [HEROES[0], HEROES[3]], NOW)[0]
    assert sum(part.effect for part in found.contributions) == pytest.approx(float(scores[0]) - float(scores[1]), abs=1e-6)


def test_a_model_whose_order_means_nothing_has_no_effects(frame: FeatureFrame, model: RankingModel) -> None:
    """With a calibrated slope of 0 all variants score alike, and nothing sets them apart."""
    flat = replace(model, head=replace(model.head, calibration=Calibration(0.0, -2.0)))
    found = compare(flat, one(frame, 0), HEROES[0], HEROES[3], NOW)
    assert found.difference == 0
    assert all(part.effect == 0 for part in found.contributions)


def test_several_recipients_at_once_are_a_mistake(frame: FeatureFrame, model: RankingModel) -> None:
    """An explanation is of one recipient."""
    with pytest.raises(ValueError, match="one recipient"):
        compare(model, frame, HEROES[0], HEROES[1], NOW)


def test_counts_in_words_are_those_of_history(world: World, frame: FeatureFrame, model: RankingModel) -> None:
    """ "3 of 12 shown" is what the log says: clicks are counted back from the smoothed rate that the model saw."""
    decisions, outcomes = world.history.decisions.to_pandas(), world.history.outcomes.to_pandas()
    recent = decisions[decisions["decided_at"] >= pd.Timestamp(NOW - timedelta(days=30))]
    clicked = set(outcomes[outcomes["received_at"] < pd.Timestamp(NOW)]["decision_id"])
    for row, who in enumerate(frame.recipient_id):
        found = compare(model, one(frame, row), HEROES[0], HEROES[3], NOW)
        [part] = [part for part in found.contributions if part.about == CATEGORY_CLICKS]
        told = sentence(part, found, model.parameters)
        mine = recent[(recent["recipient_id"] == who) & (recent["category"] == HEROES[0].category)]
        if len(mine):
            assert f"({mine['decision_id'].isin(clicked).sum()} of {len(mine)} shown in 30 days" in told
        else:
            assert "was not shown in 30 days" in told


def test_the_words_are_for_people(frame: FeatureFrame, model: RankingModel) -> None:
    """Every reason is a phrase without names of columns, and none says nan or None, not even of a variant nobody has seen."""
    unknown = replace(frame, recipient=np.full_like(frame.recipient, np.nan), cross=np.full_like(frame.cross, np.nan))
    for features in (one(frame, 3), one(unknown, 0)):
        for other in (HEROES[1], HEROES[5], STRANGER):
            found = compare(model, features, HEROES[0], other, NOW)
            told = [sentence(part, found, model.parameters) for part in found.contributions]
            assert not re.search(r"nan|None|_", " ".join(told))
            assert len(set(told)) == len(told)


@pytest.mark.parametrize(
    ("rate", "shown", "said"),
    [
        ((3 + 0.1 * 50) / (12 + 50), 12.0, "clicks 'hats' more often than most (3 of 12 shown in 30 days)"),
        ((0 + 0.1 * 50) / (12 + 50), 12.0, "clicks 'hats' less often than most (0 of 12 shown in 30 days)"),
        (0.1, 0.0, "'hats' was not shown in 30 days"),
        (0.13, 7.0, "clicks 'hats' more often than most (13.0% of what is shown in 30 days)"),
    ],
)
def test_clicks_are_told_beside_the_average(model: RankingModel, rate: float, shown: float, said: str) -> None:
    """Counted where the rate gives a whole number, as a rate where it does not; the average is that of the stored prior."""
    prior = replace(model.parameters.priors[0], mean=0.1, strength=50.0)
    parameters = replace(model.parameters, priors=(prior,) * len(model.parameters.layout.categories))
    values = {"category_engagement_rate_30d": float(np.float32(rate)), "category_shown_30d": shown}
    hats = [variant for variant in HEROES if variant.category == "hats"]
    part = Contribution(CATEGORY_CLICKS, 0.1, values, values)
    assert sentence(part, Comparison(hats[0], hats[1], (0.0, 0.0), (part,)), parameters) == said


@given(st.floats(-5, 5))
def test_an_effect_is_told_as_a_change_of_the_rate(effect: float) -> None:
    """exp(effect) is the factor: `+18 %` for log 1.18, with the sign of the effect."""
    told = percent(effect)
    if told.startswith("×"):
        assert float(told.removeprefix("× ")) == pytest.approx(np.exp(effect), abs=0.5)
    else:
        change = float(told.removesuffix(" %").replace("−", "-"))
        assert change == pytest.approx(np.expm1(effect) * 100, abs=0.51)


def test_percent_examples() -> None:
    """Small changes have a decimal; beyond ten times a factor is told."""
    assert [percent(np.log(x)) for x in (1.18, 0.97, 1.001, 12.0)] == ["+18 %", "−3.0 %", "+0.1 %", "× 12"]
