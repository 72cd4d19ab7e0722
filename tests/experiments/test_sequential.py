"""Confidence sequences hold at all looks together."""

import numpy as np
import pytest

from experiments.sequential import half_width, sequence
from experiments.statistics import Interval, TooLittleData
from experiments.strata import Stratum, gap, of_events

LOOKS = 14


def test_the_half_width_is_that_of_the_paper() -> None:
    """At n = planned and level .95, nρ² = 5.991 + 1.790 + 1 = 8.781, so √(2 · 9.781 / 8.781 · log(3.127 / .05)) = √(2.228 · 4.136)."""
    assert half_width(1_000, 1_000) == pytest.approx(3.035, abs=0.001)
    assert half_width(0, 1_000) == float("inf")


def test_it_is_narrowest_relative_to_a_single_look_near_what_was_planned() -> None:
    """Far from the planned number it costs more standard errors than near it."""
    widths = [half_width(n, 1_000) for n in (20, 1_000, 50_000)]
    assert widths[1] < widths[0] and widths[1] < widths[2]


def test_looking_fourteen_times_alarms_in_at_most_five_percent() -> None:
    """Of 1,000 comparisons without a difference, looked at 14 times; a plain 95 % interval alarms in far more."""
    rng = np.random.default_rng(3)
    alarms = peeks = 0
    for _ in range(1_000):
        clicks = rng.binomial(1_000, 0.05, size=(LOOKS, 2)).cumsum(axis=0)
        seen = [gap([Stratum(of_events(1_000 * (k + 1), int(a)), of_events(1_000 * (k + 1), int(b)))]) for k, (a, b) in enumerate(clicks)]
        intervals = [sequence(found, LOOKS * 1_000) for found in seen if found]
        alarms += any(isinstance(i, Interval) and not i.low <= 0 <= i.high for i in intervals)
        peeks += any(found is not None and abs(found.estimate) > 1.96 * found.error for found in seen)
    assert alarms <= 50
    assert peeks > 150


def test_too_few_events_are_no_interval() -> None:
    """Below thirty expected events in the smaller arm there is no statement, and it is said what is missing."""
    found = gap([Stratum(of_events(100, 5), of_events(10_000, 500))])
    assert found is not None
    said = sequence(found, 10_000)
    assert isinstance(said, TooLittleData) and "30 needed" in str(said)
