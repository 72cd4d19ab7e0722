"""The stability index and its bins."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from ranking.features.drift import Level, added, drifts, fit_bins, level_of, served_counts, stability_index
from ranking.layout import Feature, FeatureFrame, Floats, Layout

Doubles = npt.NDArray[np.float64]

LAYOUT = Layout((Feature("age"), Feature("tier", ("gold", "silver"))), (Feature("rate"),), (), ("garden", "tools"))
COUNTS = npst.arrays(np.float64, 6, elements=st.integers(0, 500).map(float))


def frame(age: Floats, tier: Floats, rate: float = 0.5) -> FeatureFrame:
    """Features of as many recipients as there are ages."""
    n = len(age)
    cross = np.full((n, 2, 1), rate, np.float32)
    return FeatureFrame(LAYOUT, np.arange(n).astype(object), np.stack([age, tier], axis=1).astype(np.float32), cross)


def population(seed: int, n: int = 5_000, shift: float = 0.0, unknown: float = 0.1) -> FeatureFrame:
    """Ages around 40 + shift, some of them unknown, and two tiers."""
    rng = np.random.default_rng(seed)
    age = rng.normal(40 + shift, 10, n).astype(np.float32)
    age[rng.random(n) < unknown] = np.nan
    return frame(age, rng.integers(0, 2, n).astype(np.float32))


@given(COUNTS, COUNTS)
def test_the_index_is_never_negative_and_0_for_the_same_shares(before: Doubles, now: Doubles) -> None:
    """Whichever counts; it is the same either way round, as p and q stand alike in the formula."""
    assert stability_index(before, now) >= -1e-12
    assert stability_index(before, before) == pytest.approx(0)
    assert stability_index(before, now) == pytest.approx(stability_index(now, before))


def test_the_index_of_a_known_case() -> None:
    """Shares of a half and a half against a fifth and four fifths: 0.3 · ln 4, but for the half row that is added to each bin."""
    found = stability_index(np.array([5e6, 5e6]), np.array([2e6, 8e6]))
    assert found == pytest.approx(0.3 * math.log(0.8 / 0.5) + 0.3 * math.log(0.5 / 0.2), rel=1e-5)


def test_the_same_population_is_stable_and_a_moved_one_is_not() -> None:
    """Ages ten years up drift; the tier, drawn as before, does not."""
    bins = fit_bins(population(1))
    same = drifts(bins, served_counts(bins, population(2)))
    assert {drift.level for drift in same} == {Level.STABLE}
    moved = drifts(bins, served_counts(bins, population(3, shift=10)))
    assert moved[0].feature == "age"
    assert moved[0].level is Level.DRIFTED
    assert {drift.level for drift in moved[1:]} == {Level.STABLE}


def test_what_becomes_unknown_is_drift() -> None:
    """A source that stopped sending an attribute shows, with the share of unknown values before and now."""
    bins = fit_bins(population(1))
    [age] = [d for d in drifts(bins, served_counts(bins, population(2, unknown=0.6))) if d.feature == "age"]
    assert age.level is Level.DRIFTED
    assert age.unknown_fitted == pytest.approx(0.1, abs=0.02)
    assert age.unknown_now == pytest.approx(0.6, abs=0.02)


def test_every_column_has_bins_and_shards_add_up() -> None:
    """Recipient features and each category's cross features; counts of two parts are those of the whole."""
    whole, bins = population(4), fit_bins(population(1))
    assert [one.feature for one in bins] == ["age", "tier", "rate.garden", "rate.tools"]
    parts = added(served_counts(bins, part) for part in whole.cut([2_000, 3_000]))
    assert all(np.array_equal(a, b) for a, b in zip(parts, served_counts(bins, whole), strict=True))
    assert all(sum(one.fitted) == 5_000 for one in bins)


@given(npst.arrays(np.float32, st.integers(1, 60), elements=st.floats(-5, 5, width=32) | st.just(np.nan)))
def test_any_column_falls_into_its_own_bins(age: Floats) -> None:
    """Few, equal or only unknown values as well: every row is counted once, and nothing has drifted from itself."""
    known = frame(age, np.zeros_like(age))
    bins = fit_bins(known)
    assert all(sum(one.fitted) == len(age) for one in bins)
    assert all(drift.psi == pytest.approx(0) for drift in drifts(bins, served_counts(bins, known)))


@pytest.mark.parametrize(("psi", "level"), [(0.0, Level.STABLE), (0.0999, Level.STABLE), (0.1, Level.WATCH), (0.25, Level.DRIFTED)])
def test_levels(psi: float, level: Level) -> None:
    """The usual reading."""
    assert level_of(psi) is level
