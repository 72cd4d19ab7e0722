"""The benchmark `ope`: its worlds' truth is the truth, and its figures are those of the issue."""

import numpy as np
import pytest

from benchmarks.learning import ope
from benchmarks.learning.ope_worlds import CASCADE, SETTINGS, THETA, Setting, make_log, make_world
from ranking.policies.judging import MODEL


@pytest.mark.parametrize("setting", [*SETTINGS.values(), CASCADE])
def test_the_exact_value_is_what_logs_earn_on_average(setting: Setting) -> None:
    """In 60,000 logged slates the logging policy earns its exact value, within 4.5 standard errors by recipient."""
    world = make_world(setting, seed=3)
    log = make_log(world, 30_000, seed=5)
    earned = np.bincount(log.slates.recipient, log.slates.reward.sum(axis=1)) / 2
    truth = world.value(world.logging, drawn=True, explore=setting.explore)
    assert earned.mean() == pytest.approx(truth, abs=4.5 * earned.std() / np.sqrt(len(earned)))


def test_a_strict_policy_earns_the_rates_it_shows() -> None:
    """Where clicks follow the position: Σ θ · rate of the three variants it likes best, the mean over types."""
    world = make_world(SETTINGS["clicks"], seed=3)
    best = -np.sort(-world.rates, axis=1)[:, :3]
    assert world.value(world.rates, drawn=False) == pytest.approx((best * THETA).sum(axis=1).mean())


def test_the_cascade_s_first_position_is_always_reached() -> None:
    """There the better ranking earns more than the same upside down, and less than if every position were examined."""
    world = make_world(CASCADE, seed=3)
    assert (
        world.value(-world.rates, drawn=False) < world.value(world.rates, drawn=False) < -np.sort(-world.rates, axis=1)[:, :3].sum(1).mean()
    )


def test_logged_propensities_are_those_of_the_log() -> None:
    """Weights of a policy that shows everything alike average 1 at every position."""
    slates = make_log(make_world(SETTINGS["clicks"], seed=1), 10_000, seed=2).slates
    np.testing.assert_allclose((1 / 6 / slates.propensity).mean(axis=0), 1, atol=0.03)


def test_figures_are_those_of_the_issue() -> None:
    """Coverage by estimator and the share of refusals; a size at which nothing can be told is refused whole, but for what was logged."""
    found = ope.found_in({"clicks": SETTINGS["clicks"]}, ope.Plan((300, 3_000), 2))
    assert {t.estimator for t in found.estimates} == {ope.ITEM, ope.PREFIX, ope.ROBUST, ope.PAIRED, ope.TRUSTED}
    assert np.mean(found.refused[300]) > 0.9 > np.mean(found.refused[3_000])
    truth = {t.cell for t in found.estimates if t.cell[2] == MODEL}
    assert truth == {("clicks", 300, MODEL), ("clicks", 3_000, MODEL)}
    figures = ope.figures_of(found, found, ("clicks",))
    assert {"coverage", "refused_share"} <= set(figures)
    coverage = figures["coverage"]
    assert isinstance(coverage, dict)
    assert all(0 <= share <= 1 for share in coverage.values())
