"""Examination, harvested."""

import numpy as np
import numpy.typing as npt
import pytest

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
    return Exposures(label, position, propensity, expected, np.arange(n) // 3)


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
    found = harvest(Exposures(label, some.position, some.propensity, some.expected, some.recipient), 3)
    assert found.theta[2] == pytest.approx(found.theta[1] * PRIOR_EXAMINATION[2] / PRIOR_EXAMINATION[1])
    nothing = Exposures(np.zeros_like(label), some.position, some.propensity, some.expected, some.recipient)
    assert harvest(nothing, 3) == prior_examination(3)


def test_one_position_needs_no_examination() -> None:
    """θ is 1, and its source says that there was nothing to estimate."""
    assert prior_examination(1) == Examination((1.0,), (1.0,), (1.0,), Source.SINGLE)


def test_weights_are_clipped_and_unknown_propensities_weigh_one() -> None:
    """No single decision may carry the estimate."""
    assert inverse_propensities(np.array([0.5, 1e-9, np.nan])).tolist() == [2.0, 30.0, 1.0]


def test_a_trained_models_card_tells_its_examination(model: RankingModel) -> None:
    """On the world's log θ comes out near the truth, with limits, and the card says which training held-out decisions chose."""
    examination = model.card.examination
    assert examination.source is Source.HARVESTED
    assert examination.theta == pytest.approx(THETA, rel=0.15)
    assert set(model.card.position_deviances) == set(PositionTraining)
    assert model.card.position_deviances[model.card.position_training] == min(model.card.position_deviances.values())
