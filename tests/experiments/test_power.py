"""What a comparison could find, against what it does find in simulation and in statsmodels' way of counting."""

import numpy as np
import pytest

from experiments.lift import Lift, lift
from experiments.power import Outcome, detectable, recipients_needed
from experiments.totals import totals


def test_the_detectable_lift_is_found_four_times_in_five() -> None:
    """Of 300 campaigns with a true lift of that size, about 80 % show it."""
    rng = np.random.default_rng(4)
    treated, control, rate = 9_000, 1_000, 0.2
    size = detectable(Outcome.of_rate(rate), treated, control)
    shown = 0
    for _ in range(300):
        arms = (rng.random(treated) < rate * (1 + size)).astype(float), (rng.random(control) < rate).astype(float)
        found = lift(totals(arms[0]), totals(arms[1]))
        assert isinstance(found, Lift)
        shown += found.p_value < 0.05
    assert 0.72 < shown / 300 < 0.88


def test_the_recipients_needed_make_the_lift_detectable() -> None:
    """The two functions are each other's inverse."""
    outcome = Outcome(mean=1.4, deviation=9.0)
    n = recipients_needed(outcome, 0.05, 0.1)
    assert detectable(outcome, 0.9 * n, 0.1 * n) == pytest.approx(0.05, rel=1e-3)


def test_nothing_is_detectable_without_recipients_or_outcomes() -> None:
    """Said as infinity, never as zero; and a question without an answer is refused."""
    assert detectable(Outcome.of_rate(0.1), 0, 100) == float("inf")
    assert detectable(Outcome.of_rate(0.0), 100, 100) == float("inf")
    with pytest.raises(ValueError, match="share"):
        recipients_needed(Outcome.of_rate(0.1), 0.05, 0.0)
