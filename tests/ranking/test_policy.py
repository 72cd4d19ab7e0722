"""The policy's mixture and its noise."""

import numpy as np

from domain.hashing import keys_of
from domain.ids import SendId
from ranking.policy import choose, noise
from ranking.propensities import all_marginals, weights_of

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
