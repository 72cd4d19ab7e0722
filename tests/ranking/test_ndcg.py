"""NDCG: of known gains, and of a log that shows only part of them."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ranking.policies.ndcg import discounts, logged_ndcg, ndcg

FINITE = st.floats(-5, 5).map(lambda x: round(x, 1))  # rounded, so that ties happen


@given(hnp.arrays(np.float64, (3, 6), elements=FINITE), hnp.arrays(np.float64, (3, 6), elements=st.floats(0, 1)))
def test_no_order_beats_the_best_one(scores: np.ndarray, gains: np.ndarray) -> None:
    """NDCG is between 0 and 1, 1 for scores that are the gains, and unknown where there is nothing to gain."""
    found = ndcg(scores, gains)
    some = gains.max(axis=1) > 1e-9
    assert ((found[some] >= -1e-12) & (found[some] <= 1 + 1e-12)).all()
    assert np.isnan(found[gains.sum(axis=1) == 0]).all()
    np.testing.assert_allclose(ndcg(gains, gains)[some], 1)


@given(hnp.arrays(np.float64, (1, 4), elements=st.sampled_from([0.0, 1.0, 2.0])))
def test_equal_scores_share_their_places(scores: np.ndarray) -> None:
    """A tie is worth the mean over all orders in which it could be broken."""
    broken = [order for order in permutations(range(4)) if list(scores[0, list(order)]) == sorted(scores[0], reverse=True)]
    each = np.zeros((len(broken), 4))
    for row, order in enumerate(broken):
        each[row, list(order)] = [1, 1 / np.log2(3), 1 / 2, 0]
    np.testing.assert_allclose(discounts(scores, places=3)[0], each.mean(axis=0))


def test_a_hand_computed_case() -> None:
    """Gains 3 and 1, found at places 2 and 1: (1 + 3 / log2 3) / (3 + 1 / log2 3)."""
    log3 = np.log2(3)
    assert ndcg(np.array([[1.0, 2.0, 0.0]]), np.array([[3.0, 1.0, 0.0]]))[0] == pytest.approx((1 + 3 / log3) / (3 + 1 / log3))


def test_what_is_no_candidate_takes_no_place() -> None:
    """A variant of score −inf has no discount, and the one below it is first."""
    assert discounts(np.array([[-np.inf, 0.0]]))[0].tolist() == [0.0, 1.0]


def test_clicks_of_a_log_are_weighted_by_what_they_stand_for() -> None:
    """A click at the first place and one of three times its gain at the second: (1 + 3 / log2 3) / 4; empty positions count nothing."""
    scores = np.array([[2.0, 1.0], [2.0, 1.0]])
    found = logged_ndcg(scores, np.array([[0, -1], [1, -1]]), np.array([[1.0, 9.0], [3.0, 9.0]]))
    assert found == pytest.approx((1 + 3 / np.log2(3)) / 4)
    assert logged_ndcg(scores, np.array([[0], [1]]), np.zeros((2, 1))) is None


def test_inverse_propensities_take_out_the_logger() -> None:
    """Two loggers of opposite habits give the same NDCG of one order once clicks are weighted by 1/q: within 4 standard errors."""
    rng, n, rates = np.random.default_rng(0), 200_000, np.array([0.2, 0.1, 0.05])
    scores = np.tile([0.0, 1.0, 2.0], (n, 1))  # the poorest order
    truth = (rates * [0.5, 1 / np.log2(3), 1.0]).sum() / rates.sum()
    for shown in ([0.7, 0.2, 0.1], [0.1, 0.2, 0.7]):
        item = rng.choice(3, n, p=shown)
        gains = (rng.random(n) < rates[item]) / np.asarray(shown)[item]
        assert logged_ndcg(scores, item[:, None], gains[:, None]) == pytest.approx(truth, abs=0.02)
