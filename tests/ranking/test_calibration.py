"""Calibration on a log scale."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.calibration import Calibration, expected_calibration_error, fit_calibration, reliability


@given(slope=st.floats(0.3, 2.0), intercept=st.floats(-1.0, 1.0), seed=st.integers(0, 100))
@settings(deadline=None, max_examples=20)
def test_recovers_slope_and_intercept(slope: float, intercept: float, seed: int) -> None:
    """From clicks drawn with a known slope and level, both are found again within sampling error."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(-2.5, 0.7, 60_000)
    offset = np.log(rng.choice([1.0, 0.6, 0.4], len(raw)))
    label = rng.poisson(np.exp(slope * raw + intercept + offset)).astype(float)
    found = fit_calibration(raw, offset, label)
    error = 5 / np.sqrt(label.sum()) + 5 / label.sum() / raw.var()
    assert found.slope == pytest.approx(slope, abs=error / 0.7)
    assert found.slope * -2.5 + found.intercept == pytest.approx(slope * -2.5 + intercept, abs=2 * error)


def test_expected_and_observed_totals_agree() -> None:
    """After calibration the predicted total is the observed one."""
    rng = np.random.default_rng(0)
    raw = rng.normal(-1, 1, 5_000)
    label = rng.poisson(0.2, 5_000).astype(float)
    found = fit_calibration(raw, np.zeros(5_000), label)
    assert np.exp(found.log_rate(raw)).sum() == pytest.approx(label.sum(), rel=0.01)


def test_an_order_that_is_upside_down_means_nothing() -> None:
    """A negative slope is cut to 0: all variants then score the observed rate alike."""
    rng = np.random.default_rng(0)
    raw = rng.normal(-1, 1, 20_000)
    label = rng.poisson(np.exp(-0.8 * raw - 3)).astype(float)
    found = fit_calibration(raw, np.zeros(20_000), label)
    assert found.slope == 0
    assert np.exp(found.intercept) == pytest.approx(label.mean(), rel=1e-6)


def test_without_outcomes_nothing_is_changed() -> None:
    """No outcome, no calibration."""
    assert fit_calibration(np.zeros(10), np.zeros(10), np.zeros(10)) == Calibration()


def test_few_outcomes_change_little() -> None:
    """Three outcomes against the model's order do not turn it around: the identity is believed in until there is evidence."""
    raw = np.linspace(-3, -1, 50)
    label = np.zeros(50)
    label[[5, 15, 25]] = 1.0
    assert fit_calibration(raw, np.zeros(50), label).slope > 0.2


def test_reliability_bins_hold_all_rows() -> None:
    """Bins partition the rows, lowest predictions first; the error is 0 when each bin predicts what it observes."""
    predicted = np.repeat(np.arange(1, 11) / 20, 40)
    label = np.concatenate([np.arange(40) < 40 * p for p in np.arange(1, 11) / 20]).astype(float)
    bins = reliability(predicted, label)
    assert sum(b.rows for b in bins) == 400
    assert [b.predicted for b in bins] == sorted(b.predicted for b in bins)
    assert expected_calibration_error(bins) == pytest.approx(0, abs=1e-12)
