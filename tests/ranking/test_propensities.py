"""Plackett–Luce draws and their probabilities, against enumeration of every ranking."""

from itertools import permutations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.policies.propensities import SPREAD, all_marginals, draw, marginal_probabilities, prefix_probabilities, weights_of

log_weights = st.lists(st.floats(-12, 12), min_size=1, max_size=5)


def enumerated(weights: npt.NDArray[np.float64], positions: int) -> tuple[npt.NDArray[np.float64], dict[tuple[int, ...], float]]:
    """Marginals [V, K] and the probability of every prefix, by going through all rankings of the eligible."""
    eligible = [int(v) for v in np.flatnonzero(weights > 0)]
    marginals, prefixes = np.zeros((len(weights), positions)), {}
    for ranking in permutations(eligible, min(positions, len(eligible))):
        joint, left = 1.0, set(eligible)
        for v in ranking:
            joint *= weights[v] / sum(weights[list(left)])
            left.discard(v)
        prefixes[ranking] = joint
        for k, v in enumerate(ranking):
            marginals[v, k] += joint
    return marginals, prefixes


@given(log_weights, st.integers(1, 4))
@settings(deadline=None, max_examples=60)
def test_marginals_equal_enumeration(logs: list[float], positions: int) -> None:
    """Every variant's marginal at every position is that of going through all rankings."""
    weights = weights_of(np.array([logs]), np.ones((1, len(logs)), bool))
    expected, _ = enumerated(weights[0], positions)
    np.testing.assert_allclose(all_marginals(weights, positions)[0], expected, rtol=1e-7, atol=1e-15)


@given(log_weights, st.integers(1, 4))
@settings(deadline=None, max_examples=60)
def test_prefixes_equal_enumeration(logs: list[float], positions: int) -> None:
    """The joint probability up to the last position is that of the ranking."""
    weights = weights_of(np.array([logs]), np.ones((1, len(logs)), bool))
    for ranking, expected in enumerated(weights[0], positions)[1].items():
        found = prefix_probabilities(weights, np.array([ranking], dtype=np.int16))
        assert found[0, -1] == pytest.approx(expected, rel=1e-12)


@given(st.lists(st.floats(-30, 30), min_size=2, max_size=9), st.data())
@settings(deadline=None, max_examples=60)
def test_marginals_of_a_position_sum_to_one(logs: list[float], data: st.DataObject) -> None:
    """Some eligible variant takes each position, as long as there are enough of them."""
    eligible = np.array([data.draw(st.lists(st.booleans(), min_size=len(logs), max_size=len(logs)))])
    positions = min(3, int(eligible.sum()))
    if positions:
        weights = weights_of(np.array([logs]), eligible)
        np.testing.assert_allclose(all_marginals(weights, positions)[0].sum(axis=0), 1.0, rtol=1e-7)


def test_extreme_weights_keep_their_exact_second_place() -> None:
    """When one variant all but always comes first, second places still are the shares of the others."""
    weights = weights_of(np.array([[0.0, -60.0, -60.0 - np.log(3)]]), np.ones((1, 3), bool))
    np.testing.assert_allclose(all_marginals(weights, 2)[0, 1:, 1], [0.75, 0.25], rtol=1e-12)


def test_marginals_of_a_ranking_are_those_of_its_variants() -> None:
    """What is logged for a ranking is picked from the marginals of all."""
    rng = np.random.default_rng(1)
    weights = weights_of(rng.normal(size=(50, 7)), rng.random((50, 7)) < 0.9)
    ranking = draw(weights, rng.uniform(1e-9, 1, weights.shape), 4)
    every, found = all_marginals(weights, 4), marginal_probabilities(weights, ranking)
    for row, k in np.argwhere(ranking >= 0):
        assert found[row, k] == every[row, ranking[row, k], k]


def test_draws_follow_the_marginals() -> None:
    """In 200,000 draws each variant takes each position as often as its marginal says, within 4.5 standard errors."""
    rng = np.random.default_rng(2)
    n, logs = 200_000, np.array([0.0, -0.5, -1.0, -2.5])
    weights = np.repeat(weights_of(logs[None], np.ones((1, 4), bool)), n, axis=0)
    ranking = draw(weights, rng.uniform(1e-12, 1, weights.shape), 3)
    expected = all_marginals(weights[:1], 3)[0]
    for v in range(4):
        share = (ranking == v).mean(axis=0)
        assert (np.abs(share - expected[v]) < 4.5 * np.sqrt(expected[v] * (1 - expected[v]) / n)).all()


def test_ineligible_variants_are_never_drawn() -> None:
    """Not for any noise: neither the largest nor the smallest uniform puts an ineligible variant anywhere."""
    eligible = np.array([[True, False, True], [False, False, False]])
    weights = weights_of(np.full((2, 3), 1.0), eligible)
    for value in (2.0**-53, 0.5, 1 - 2.0**-53):
        ranking = draw(weights, np.full((2, 3), value), 3)
        assert set(ranking[0].tolist()) == {0, 2, -1}
        assert ranking[1].tolist() == [-1, -1, -1]


def test_scores_that_are_not_finite_are_refused() -> None:
    """A NaN score is a fault to be told, not a variant to be shown; where a variant is not eligible its score is not looked at."""
    weights_of(np.array([[np.nan, 0.0]]), np.array([[False, True]]))
    with pytest.raises(ValueError, match="finite"):
        weights_of(np.array([[np.nan, 0.0]]), np.array([[True, True]]))


def test_hopeless_scores_do_not_underflow() -> None:
    """Scores far below the best are raised to a floor, so that no probability becomes 0 / 0."""
    weights = weights_of(np.array([[0.0, -5_000.0, -9_000.0]]), np.ones((1, 3), bool))
    assert weights[0, 1] == weights[0, 2] == pytest.approx(np.exp(-SPREAD))
    assert all_marginals(weights, 3)[0].sum(axis=0) == pytest.approx([1, 1, 1])


@pytest.mark.parametrize("seed", range(6))
def test_marginals_agree_with_two_million_draws(seed: int) -> None:
    """Random weights over many orders of magnitude, some variants ineligible, up to five positions: every share of every position is within
    5 standard errors of its marginal."""
    rng = np.random.default_rng([seed, 11])
    variants, positions = int(rng.integers(3, 11)), int(rng.integers(2, 6))
    logs = rng.normal(0, rng.uniform(0.2, 6), variants)
    eligible = rng.random(variants) < 0.85
    eligible[np.argsort(rng.random(variants))[:2]] = True
    weights = weights_of(logs[None], eligible[None])
    counts, draws = np.zeros((variants, positions)), 2_000_000
    for _ in range(20):
        drawn = draw(np.broadcast_to(weights, (draws // 20, variants)), rng.uniform(2.0**-53, 1, (draws // 20, variants)), positions)
        for k in range(positions):
            counts[:, k] += np.bincount(drawn[drawn[:, k] >= 0, k], minlength=variants)
    exact = all_marginals(weights, positions)[0]
    error = np.sqrt(np.maximum(exact * (1 - exact), 1 / draws) / draws)
    assert (np.abs(counts / draws - exact) < 5 * error).all()


@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 8), st.floats(0, 25), st.floats(0, 1))
@settings(deadline=None, max_examples=60)
def test_what_can_be_shown_sums_to_one_at_every_position(seed: int, variants: int, positions: int, spread: float, explore: float) -> None:
    """Forty variants and eight positions, ties and extreme scores, and the mixture with uniform rankings: marginals sum to 1 over
    variants, and a variant's to at most 1 over positions."""
    rng = np.random.default_rng(seed)
    logs = np.round(rng.normal(0, spread, (1, variants)), 1)
    eligible = rng.random((1, variants)) < 0.9
    filled = min(positions, int(eligible.sum()))
    both = [all_marginals(w, positions)[0] for w in (weights_of(logs, eligible), eligible.astype(np.float64))]
    mixed = (1 - explore) * both[0] + explore * both[1]
    np.testing.assert_allclose(mixed[:, :filled].sum(axis=0), 1.0, rtol=1e-7)
    assert (mixed.sum(axis=1) <= 1 + 1e-7).all() and (mixed[~eligible[0]] == 0).all() and (mixed[:, filled:] == 0).all()
