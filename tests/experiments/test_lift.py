"""Lift figures: the numbers of others on the same inputs, and intervals that hold what they say."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import tea_tasting
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from experiments.lift import Lift, lift
from experiments.statistics import TooLittleData
from experiments.totals import EMPTY, totals

Values = npt.NDArray[np.float64]


def spending(seed: int, n: int, factor: float) -> tuple[Values, Values, Values]:
    """Outcome, letters and spend before, of n recipients whose outcomes are `factor` as large."""
    rng = np.random.default_rng(seed)
    taste = rng.gamma(1.0, 1.0, n)
    before = taste * rng.gamma(2.0, 10.0, n)
    return factor * taste * rng.gamma(2.0, 10.0, n), rng.integers(1, 5, n).astype(float), before


TREATED, CONTROL = spending(1, 9_000, 1.1), spending(2, 1_000, 1.0)


def found(made: Lift | TooLittleData) -> Lift:
    """The figures; too little data would be a failure here."""
    assert isinstance(made, Lift)
    return made


def tea(metric: Any) -> Any:
    """tea-tasting's answer on the same recipients."""
    columns = ("y", "letters", "before")
    frames = [pd.DataFrame(dict(zip(columns, arm, strict=True))).assign(variant=v) for v, arm in ((1, TREATED), (0, CONTROL))]
    return tea_tasting.Experiment(found=metric).analyze(pd.concat(frames))["found"]


def same(ours: Lift, theirs: Any) -> None:
    """Every figure that both have."""
    assert ours.treated == pytest.approx(theirs.treatment, rel=1e-9)
    assert ours.control == pytest.approx(theirs.control, rel=1e-9)
    absolute, relative = ours.difference.absolute_interval, ours.difference.relative_interval
    assert (absolute.low, absolute.high) == pytest.approx((theirs.effect_size_ci_lower, theirs.effect_size_ci_upper), rel=1e-6)
    assert ours.difference.relative == pytest.approx(theirs.rel_effect_size, rel=1e-6)
    assert (relative.low, relative.high) == pytest.approx((theirs.rel_effect_size_ci_lower, theirs.rel_effect_size_ci_upper), rel=2e-3)
    assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-6)


def test_a_difference_of_means_is_welchs() -> None:
    """Interval and p-value are those of scipy's Welch test on the same recipients."""
    ours = found(lift(totals(TREATED[0]), totals(CONTROL[0])))
    theirs = ttest_ind(TREATED[0], CONTROL[0], equal_var=False)
    interval = theirs.confidence_interval(0.95)
    assert ours.p_value == pytest.approx(theirs.pvalue)
    limits = ours.difference.absolute_interval
    assert (limits.low, limits.high) == pytest.approx((interval.low, interval.high))


def test_means_are_as_tea_tasting_has_them() -> None:
    """Without the past taken out."""
    same(found(lift(totals(TREATED[0]), totals(CONTROL[0]))), tea(tea_tasting.Mean("y")))


def test_means_with_the_past_taken_out_are_as_tea_tasting_has_them() -> None:
    """With CUPED."""
    ours = lift(totals(TREATED[0], x=TREATED[2]), totals(CONTROL[0], x=CONTROL[2]))
    same(found(ours), tea(tea_tasting.Mean("y", "before")))


def test_ratios_are_as_tea_tasting_has_them() -> None:
    """Outcome per letter, by the delta method."""
    ours = lift(totals(TREATED[0], TREATED[1]), totals(CONTROL[0], CONTROL[1]))
    same(found(ours), tea(tea_tasting.RatioOfMeans("y", "letters")))


def test_the_past_takes_variance_with_it_and_leaves_the_lift() -> None:
    """Where it tells of the outcome the interval gets narrower; where it is noise nothing is lost."""
    plain, cuped = (found(lift(totals(TREATED[0], x=a), totals(CONTROL[0], x=b))) for a, b in ((None, None), (TREATED[2], CONTROL[2])))
    assert cuped.variance_cut > 0.1
    assert _width(cuped) < 0.95 * _width(plain)
    noise = [np.random.default_rng(9).random(len(arm[0])) for arm in (TREATED, CONTROL)]
    blurred = found(lift(totals(TREATED[0], x=noise[0]), totals(CONTROL[0], x=noise[1])))
    assert _width(blurred) == pytest.approx(_width(plain), rel=0.01)


@settings(max_examples=30)
@given(st.integers(1, 8_999), st.integers(1, 999))
def test_totals_of_parts_add_up(first: int, second: int) -> None:
    """Shards in any cut give the figures of the whole."""
    ours = [totals(*(part[a:b] for part in TREATED)) for a, b in ((0, first), (first, 9_000))]
    theirs = [totals(*(part[a:b] for part in CONTROL)) for a, b in ((0, second), (second, 1_000))]
    cut = found(lift(sum(ours, EMPTY), sum(theirs, EMPTY)))
    whole = found(lift(totals(*TREATED), totals(*CONTROL)))
    assert cut.difference.absolute == pytest.approx(whole.difference.absolute)
    assert cut.p_value == pytest.approx(whole.p_value)


def test_too_few_recipients_with_an_outcome_are_no_figure() -> None:
    """One large purchase among a thousand recipients is no lift."""
    one = np.zeros(1_000)
    one[0] = 10_000.0
    said = lift(totals(one), totals(CONTROL[0]))
    assert isinstance(said, TooLittleData) and "30 needed" in str(said)
    assert isinstance(lift(EMPTY, totals(CONTROL[0])), TooLittleData)


def _width(of: Lift) -> float:
    return of.difference.absolute_interval.high - of.difference.absolute_interval.low
