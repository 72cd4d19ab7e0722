"""The policy's mixture and its noise."""

import numpy as np
import numpy.typing as npt
import pytest

from domain.hashing import keys_of
from domain.ids import SendId
from ranking.policies.policy import choose, noise
from ranking.policies.propensities import all_marginals, weights_of

KEYS = keys_of(f"r{n}" for n in range(4_000))
VARIANTS = ("a", "b", "c", "d")


def test_noise_depends_on_nothing_but_its_four_keys() -> None:
    """A recipient's noise for a variant is the same in any list, order and company of variants."""
    whole = noise(KEYS, SendId("s"), "p", VARIANTS)
    part = noise(KEYS[::-1][:10], SendId("s"), "p", ("c", "a"))
    np.testing.assert_array_equal(part[:, 0], whole[::-1][:10, 2])
    np.testing.assert_array_equal(part[:, 1], whole[::-1][:10, 0])
    assert (noise(KEYS, SendId("t"), "p", VARIANTS) != whole).all()
    assert (noise(KEYS, SendId("s"), "q", VARIANTS) != whole).all()


def test_noise_is_uniform_and_independent_between_variants() -> None:
    """Means are a half and correlations nothing, within 5 standard errors; neither 0 nor 1 occurs."""
    found = noise(KEYS, SendId("s"), "p", VARIANTS)
    assert np.abs(found.mean(axis=0) - 0.5).max() < 5 / np.sqrt(12 * len(KEYS))
    correlation = np.corrcoef(found.T) - np.eye(4)
    assert np.abs(correlation).max() < 5 / np.sqrt(len(KEYS))
    assert ((found > 0) & (found < 1)).all()


def test_logged_probabilities_are_those_of_the_mixture() -> None:
    """Whatever the arm, a choice is logged with (1 − ε) · policy + ε · uniform, at its position and jointly."""
    rates = np.log([[0.4, 0.3, 0.2, 0.1]]).repeat(len(KEYS), axis=0)
    eligible = np.ones(rates.shape, bool)
    exploring = np.arange(len(KEYS)) % 5 == 0
    uniforms = noise(KEYS, SendId("s"), "p", VARIANTS)
    found = choose(rates, eligible, uniforms, exploring, temperature=0.5, explore=0.2, positions=2)
    mixed = 0.8 * all_marginals(weights_of(rates[:1] / 0.5, eligible[:1]), 2)[0] + 0.2 / 4
    np.testing.assert_allclose(found.propensity, np.take_along_axis(mixed[None].repeat(len(KEYS), 0), found.ranking[:, None, :], 1)[:, 0])
    np.testing.assert_allclose(found.prefix_propensity[:, 0], found.propensity[:, 0])
    assert (found.prefix_propensity[:, 1] <= found.propensity[:, 1] + 1e-12).all()


def test_exploring_recipients_rank_uniformly() -> None:
    """In the explore arm every variant comes first equally often, within 5 standard errors, however sharp the scores."""
    rates = np.log([[0.9, 0.05, 0.03, 0.02]]).repeat(len(KEYS), axis=0)
    uniforms = noise(KEYS, SendId("s"), "p", VARIANTS)
    found = choose(rates, np.ones(rates.shape, bool), uniforms, np.ones(len(KEYS), bool), temperature=0.5, explore=0.1, positions=1)
    share = np.bincount(found.ranking[:, 0], minlength=4) / len(KEYS)
    assert np.abs(share - 0.25).max() < 5 * np.sqrt(0.25 * 0.75 / len(KEYS))


PRICES = np.array([0.0, 1.5, 0.0, 0.4])


def priced_mixture(
    rates: npt.NDArray[np.float64], eligible: npt.NDArray[np.bool_], explore: float, positions: int
) -> npt.NDArray[np.float64]:
    """Marginals float64[n, V, K] of (1 − ε) · PL(w · e^−price) + ε · PL(e^−price)."""
    modelled = all_marginals(weights_of(rates / 0.5 - PRICES, eligible), positions)
    explored = all_marginals(weights_of(np.broadcast_to(-PRICES, rates.shape).copy(), eligible), positions)
    return (1 - explore) * modelled + explore * explored


def test_prices_are_paid_by_the_policy_and_by_explorers_and_logged_for_both() -> None:
    """Whatever the arm, a choice is logged with the mixture of both parts at these prices, and its marginals sum to 1 per position."""
    rng = np.random.default_rng(0)
    rates, eligible = rng.normal(size=(len(KEYS), 4)), rng.random((len(KEYS), 4)) < 0.9
    eligible[:, 2] = True
    exploring = np.arange(len(KEYS)) % 5 == 0
    uniforms = noise(KEYS, SendId("s"), "p", VARIANTS)
    found = choose(rates, eligible, uniforms, exploring, temperature=0.5, explore=0.2, positions=2, prices=PRICES)
    mixed = priced_mixture(rates, eligible, 0.2, 2)
    for row, k in np.argwhere(found.ranking >= 0)[:500]:
        assert found.propensity[row, k] == pytest.approx(mixed[row, found.ranking[row, k], k], rel=1e-12)
    np.testing.assert_allclose(found.prefix_propensity[:, 0], found.propensity[:, 0])
    enough = eligible.sum(axis=1) >= 2
    np.testing.assert_allclose(mixed[enough].sum(axis=1), 1.0, rtol=1e-9)


def test_choices_at_prices_follow_what_is_logged() -> None:
    """Over 200,000 recipients alike, a fifth exploring, variants take positions as often as logged, within 4.5 standard errors."""
    n = 200_000
    keys = np.random.default_rng(1).integers(0, 2**64, n, dtype=np.uint64)
    rates = np.log([[0.4, 0.3, 0.2, 0.1]]).repeat(n, axis=0)
    eligible, exploring = np.ones((n, 4), bool), np.arange(n) % 5 == 0
    found = choose(
        rates, eligible, noise(keys, SendId("s"), "p", VARIANTS), exploring, temperature=0.5, explore=0.2, positions=3, prices=PRICES
    )
    mixed = priced_mixture(rates[:1], eligible[:1], 0.2, 3)[0]
    for v in range(4):
        share = (found.ranking == v).mean(axis=0)
        assert (np.abs(share - mixed[v]) < 4.5 * np.sqrt(mixed[v] * (1 - mixed[v]) / n)).all()


def test_no_price_changes_nothing() -> None:
    """Without prices, or with all of them 0, choices and probabilities are the same to the last bit."""
    rng = np.random.default_rng(2)
    rates, eligible = rng.normal(size=(len(KEYS), 4)), rng.random((len(KEYS), 4)) < 0.8
    uniforms, exploring = noise(KEYS, SendId("s"), "p", VARIANTS), rng.random(len(KEYS)) < 0.3
    without = choose(rates, eligible, uniforms, exploring, temperature=0.7, explore=0.3, positions=3)
    free = choose(rates, eligible, uniforms, exploring, temperature=0.7, explore=0.3, positions=3, prices=np.zeros(4))
    np.testing.assert_array_equal(without.ranking, free.ranking)
    np.testing.assert_array_equal(without.propensity, free.propensity)
    np.testing.assert_array_equal(without.prefix_propensity, free.prefix_propensity)
