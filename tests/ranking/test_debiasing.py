"""Examination, harvested."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.debiasing import Examination, Exposures, PositionTraining, Source, harvest, inverse_propensities, prior_examination
from ranking.model import RankingModel
from ranking.specification import PRIOR_EXAMINATION
from tests.ranking.world import THETA

TRUE = np.array([1.0, 0.5, 0.3])


def exposures(seed: int, *, relevance_known: bool, propensity_known: bool, n: int = 60_000) -> Exposures:
    """Two kinds of variants, good and bad; the logger puts the good one first with probability 0.8, so that position and
    relevance are confounded. Rates at position 1 are 0.3 and 0.05."""
    rng = np.random.default_rng(seed)
    position = rng.integers(1, 4, n)
    good_share = np.array([0.8, 0.5, 0.2])[position - 1]
    good = rng.random(n) < good_share
    rate = np.where(good, 0.3, 0.05)
    label = (rng.random(n) < TRUE[position - 1] * rate).astype(float)
    propensity = np.where(good, good_share, 1 - good_share) if propensity_known else np.full(n, np.nan)
    expected = rate if relevance_known else np.full(n, 0.2)
    return Exposures(label, position, propensity, expected, np.zeros(n), np.arange(n) // 3)


@pytest.mark.parametrize(("relevance_known", "propensity_known"), [(True, False), (False, True), (True, True)])
def test_either_propensities_or_relevance_suffice(relevance_known: bool, propensity_known: bool) -> None:
    """θ is found again, within its limits, if the marginals are logged or the relevance model is right."""
    found = harvest(exposures(1, relevance_known=relevance_known, propensity_known=propensity_known), 3)
    assert found.source is Source.HARVESTED
    assert found.theta == pytest.approx(TRUE, rel=0.1)
    for k in (1, 2):
        assert found.low[k] < found.theta[k] < found.high[k]


def test_with_neither_the_logger_fools_us() -> None:
    """The confounding is real: without both, θ comes out far too small."""
    found = harvest(exposures(1, relevance_known=False, propensity_known=False), 3)
    assert found.theta[2] < 0.2


def test_limits_cover_the_truth() -> None:
    """Over 100 logs the 95 % limits hold the true θ of position 2 at least 88 times."""
    hits = 0
    for seed in range(100):
        found = harvest(exposures(seed, relevance_known=True, propensity_known=True, n=6_000), 3)
        hits += found.low[1] <= TRUE[1] <= found.high[1]
    assert hits >= 88


def test_positions_with_few_outcomes_follow_the_prior() -> None:
    """A position that nobody clicked takes the prior's step from the one before; with nothing at all it is the prior."""
    some = exposures(2, relevance_known=True, propensity_known=True)
    label: npt.NDArray[np.float64] = np.where(some.position == 3, 0.0, some.label)
    found = harvest(replace(some, label=label), 3)
    assert found.theta[2] == pytest.approx(found.theta[1] * PRIOR_EXAMINATION[2] / PRIOR_EXAMINATION[1])
    assert harvest(replace(some, label=np.zeros_like(label)), 3) == prior_examination(3)


def test_one_position_needs_no_examination() -> None:
    """θ is 1, and its source says that there was nothing to estimate."""
    assert prior_examination(1) == Examination((1.0,), (1.0,), (1.0,), Source.SINGLE)


@given(st.lists(st.floats(1e-12, 1.0), min_size=1, max_size=60))
def test_no_decision_outweighs_the_root_of_all(propensities: list[float]) -> None:
    """Each weight is at most 1 / √n of their sum, order is kept, and none exceeds the inverse of its propensity."""
    q = np.array(propensities)
    weight = inverse_propensities(q)
    assert weight.max() <= weight.sum() / np.sqrt(len(q)) * (1 + 1e-6)
    assert (weight <= 1 / q * (1 + 1e-12)).all()
    assert (np.diff(weight[np.argsort(q, kind="stable")]) <= 1e-9).all()


def test_even_weights_are_left_alone() -> None:
    """Where the logger always kept a share of chance, nothing is cut: 10,000 decisions, one in a hundred with weight 40."""
    q = np.where(np.arange(10_000) % 100 == 0, 0.025, 0.5)
    assert inverse_propensities(q).tolist() == (1 / q).tolist()


def test_unknown_propensities_weigh_like_the_mean() -> None:
    """What is unknown neither counts more nor less; where all is, every decision counts alike. Any shape will do."""
    weight = inverse_propensities(np.array([[0.5, 0.25], [np.nan, 0.5]]))
    assert weight.tolist() == [[2.0, 4.0], [pytest.approx(8 / 3), 2.0]]
    assert inverse_propensities(np.full(3, np.nan)).tolist() == [1.0, 1.0, 1.0]


def test_decisions_without_propensities_are_left_out_where_there_are_enough_with() -> None:
    """A confounded log without propensities beside our own does not spoil θ."""
    own = exposures(1, relevance_known=False, propensity_known=True)
    imported = exposures(2, relevance_known=False, propensity_known=False)
    both = Exposures(*(np.concatenate([getattr(own, name), getattr(imported, name)]) for name in Exposures.__slots__))
    assert harvest(both, 3) == harvest(own, 3)


def test_rare_weights_are_not_cut_where_they_matter() -> None:
    """The logger shows the good variant last in one of 150 slates only: θ is found by the few that count, which a clip would hide."""
    rng = np.random.default_rng(3)
    n = 300_000
    position = rng.integers(1, 3, n)
    good_share = np.array([1 - 1 / 150, 1 / 150])[position - 1]
    good = rng.random(n) < good_share
    label = (rng.random(n) < np.array([1.0, 0.5])[position - 1] * np.where(good, 0.3, 0.05)).astype(float)
    found = harvest(Exposures(label, position, np.where(good, good_share, 1 - good_share), np.full(n, 0.1), np.zeros(n), np.arange(n)), 2)
    assert found.theta[1] == pytest.approx(0.5, rel=0.15)
    assert found.low[1] < 0.5 < found.high[1]


def test_a_trained_models_card_tells_its_examination(model: RankingModel) -> None:
    """On the world's log θ comes out near the truth, with limits, and the card says which training held-out decisions chose."""
    examination = model.card.examination
    assert examination.source is Source.HARVESTED
    assert examination.theta == pytest.approx(THETA, rel=0.15)
    assert set(model.card.position_deviances) == set(PositionTraining)
    assert model.card.position_deviances[model.card.position_training] == min(model.card.position_deviances.values())
