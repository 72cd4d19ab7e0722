"""Off-policy estimators on logs made by hand and by chance."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from ranking.policies.estimators import (
    ENOUGH_MATCHED,
    ENOUGH_SAMPLE,
    Estimate,
    Support,
    doubly_robust,
    item_position_weights,
    self_normalised,
    support,
)
from ranking.policies.slates import Slates
from ranking.policies.targets import RewardModel, deterministic, stochastic


def slates(
    item: npt.ArrayLike, reward: npt.ArrayLike, propensity: npt.ArrayLike, *, variants: int = 2, recipient: npt.ArrayLike | None = None
) -> Slates:
    """Slates of as many variants, each of a recipient of their own unless told."""
    items = np.asarray(item)
    n = len(items)
    numbers = np.arange(n) if recipient is None else np.asarray(recipient)
    ids = np.array([f"r{number}" for number in numbers], dtype=object)
    names = tuple(f"v{v}" for v in range(variants))
    q = np.broadcast_to(np.asarray(propensity, dtype=np.float64), items.shape)
    prefix = np.cumprod(q, axis=1)
    at = pd.Series(pd.Timestamp("2026-01-01", tz="UTC")).repeat(n).reset_index(drop=True)
    everything = np.ones((n, variants), dtype=bool)
    return Slates("hero", names, names, ids, numbers, at, items, np.asarray(reward, dtype=np.float64), q, prefix, everything)


def test_self_normalised_is_the_weighted_mean_by_position() -> None:
    """Position by position Σ w r / Σ w, by the share of slates that fill it."""
    log = slates([[0, 1], [1, 0], [0, -1]], [[1, 0], [0, 1], [1, 0]], 0.5)
    weights = np.array([[2.0, 1.0], [1.0, 3.0], [1.0, 0.0]])
    assert self_normalised(weights, log, 3).value == pytest.approx(3 / 4 + 2 / 3 * 3 / 4)


def test_influences_of_one_recipient_add_up() -> None:
    """Two slates of one recipient count as one observation: the interval is as wide as half as many recipients make it."""
    rng = np.random.default_rng(0)
    reward = np.repeat((rng.random((500, 1)) < 0.3).astype(float), 2, axis=0)
    twice = slates(np.zeros((1_000, 1), int), reward, 1.0, recipient=np.repeat(np.arange(500), 2))
    once = slates(np.zeros((500, 1), int), reward[::2], 1.0)
    wide, narrow = self_normalised(np.ones((1_000, 1)), twice, 500).interval, self_normalised(np.ones((500, 1)), once, 500).interval
    assert wide.high - wide.low == pytest.approx(narrow.high - narrow.low)


@given(st.integers(20, 400))
def test_equal_influences_make_a_normal_interval(n: int) -> None:
    """Where no recipient stands out the quantile is the normal one."""
    found = Estimate(0.0, np.ones(n)).interval
    assert found.high == pytest.approx(1.959964 * np.sqrt(n), rel=1e-4)


def test_few_heavy_recipients_widen_the_interval() -> None:
    """With half of the sum of squares on one of many recipients, there are about 8 degrees of freedom, not infinitely many."""
    influence = np.array([10.0] + [0.1] * 10_000)
    freedom = 2 / ((1e4 + 1e4 * 1e-4) / 200.0**2 - 1 / 10_001)
    assert Estimate(0.0, influence).interval.high == pytest.approx(student.ppf(0.975, freedom) * np.sqrt(200), rel=1e-9)
    assert 7 < freedom < 9


def test_no_influence_at_all_is_no_doubt() -> None:
    """A policy minus itself is 0, exactly and surely."""
    own = Estimate(0.3, np.array([0.1, -0.1]))
    difference = own.minus(own)
    assert (difference.interval.low, difference.value, difference.interval.high) == (0, 0, 0)
    assert not difference.nonzero(0.95)


def test_a_perfect_reward_model_leaves_nothing_to_weights() -> None:
    """Where rewards are as the model expects, the doubly robust value is the model's own, with no error from the weights."""
    rng, rate = np.random.default_rng(1), np.array([0.2, 0.6])
    item = rng.integers(0, 2, (400, 1))
    log = slates(item, rate[item], 0.5)
    reward = RewardModel(np.tile(rate, (400, 1)), np.ones(1))
    target = deterministic("v1", log, np.tile([0.0, 1.0], (400, 1)), reward)
    found = doubly_robust(item_position_weights(target, log), target, log.at_item(reward.rate), log, 400)
    assert found.value == pytest.approx(0.6)
    assert found.interval.high - found.interval.low == pytest.approx(0)


def test_a_wrong_reward_model_is_made_up_for_by_weights() -> None:
    """With exact propensities a reward model that is badly wrong does not bias the doubly robust value: mean of 200 logs."""
    rng, rate, shown = np.random.default_rng(2), np.array([0.2, 0.6]), np.array([0.75, 0.25])
    values = []
    for _ in range(200):
        item = rng.choice(2, (300, 1), p=shown)
        log = slates(item, rng.random((300, 1)) < rate[item], shown[item])
        reward = RewardModel(np.tile([0.9, 0.1], (300, 1)), np.ones(1))
        target = stochastic("random", log, np.zeros((300, 2)), reward)
        values.append(doubly_robust(item_position_weights(target, log), target, log.at_item(reward.rate), log, 300).value)
    assert np.mean(values) == pytest.approx(0.4, abs=4 * np.std(values) / np.sqrt(200))


def test_slates_that_a_policy_treats_alike_are_valued_as_if_each_were_computed() -> None:
    """Sharing the work between equal rows changes no probability."""
    rng = np.random.default_rng(3)
    item = np.stack([rng.permutation(4)[:3] for _ in range(60)])
    log = slates(item, np.zeros((60, 3)), 0.25, variants=4)
    kinds = rng.normal(size=(5, 4))[rng.integers(0, 5, 60)]
    reward = RewardModel(rng.random((60, 4)), np.array([1.0, 0.6, 0.4]))
    together = stochastic("t", log, kinds, reward)
    for row in range(60):
        alone = replace(
            log, **{name: getattr(log, name)[row : row + 1] for name in ("item", "reward", "propensity", "prefix", "candidate")}
        )
        single = stochastic("t", alone, kinds[row : row + 1], RewardModel(reward.rate[row : row + 1], reward.theta))
        for name in ("marginal", "prefix", "direct"):
            np.testing.assert_allclose(getattr(single, name)[0], getattr(together, name)[row])


def test_weights_of_what_the_log_shows_average_one() -> None:
    """Where the logger showed everything with the probabilities it says, there is no objection to the mean weight."""
    rng = np.random.default_rng(4)
    item = rng.choice(2, (5_000, 1), p=[0.8, 0.2])
    log = slates(item, np.ones((5_000, 1)), np.where(item == 0, 0.8, 0.2))
    found = support(np.where(item == 1, 1 / 0.2, 0.0), log)
    assert found.covered
    assert found.mean_weight == pytest.approx(1, abs=0.1)


def test_a_log_that_lacks_what_a_policy_shows_is_no_basis() -> None:
    """A logger that always shows the same to the same recipients says 1 and means it: of another policy it shows only a part."""
    item = np.repeat([[0], [1]], [6_000, 4_000], axis=0)
    log = slates(item, np.ones((10_000, 1)), 1.0)
    found = support((item == 1).astype(float), log)
    assert (found.sample, found.mean_weight) == (4_000, 0.4)
    assert "weights average 0.40 where 1 is due, so the log lacks" in found.reasons[0]


def test_propensities_that_are_too_low_are_noticed() -> None:
    """Said to be shown in a quarter of cases and shown in half: weights average 2."""
    item = np.repeat([[0], [1]], 5_000, axis=0)
    found = support((item == 1) / 0.25, slates(item, np.ones((10_000, 1)), 0.25))
    assert "propensities are too low" in found.reasons[0]


def test_support_says_every_reason() -> None:
    """Too small a sample and too few matched outcomes are both named; enough of both is no reason."""
    few = Support(sample=999, largest_weight=5, matched=29)
    assert len(few.reasons) == 2
    assert Support(ENOUGH_SAMPLE, 5, ENOUGH_MATCHED).reasons == ()


def test_two_placements_have_the_support_of_the_weaker() -> None:
    """The smaller sample, the larger weight, the mean weight further from 1; matched outcomes add up."""
    found = Support(2_000, 5, 40, 1.01, 0.02).and_(Support(1_500, 3, 50, 0.9, 0.01))
    assert found == Support(1_500, 5, 90, 0.9, 0.01)
