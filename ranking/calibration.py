"""Calibration: from the forest's log-rate to the rate that is really observed.

rate = exp(slope · raw + intercept), a Poisson regression on held-out rows with the position's examination as offset (Platt's
idea on the log scale). Unlike isotonic steps it keeps the order of variants, makes no ties and no zero rate; a slope
of 0 says that the forest's order means nothing, and then every variant scores the same.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]

_PRIOR_WEIGHT = 5.0  # outcomes' worth of belief in slope 1, intercept 0
_STEPS = 50
_CLOSE = 1e-10
_SLOPE = (0.0, 3.0)


@dataclass(frozen=True, slots=True)
class Calibration:
    """log rate = slope · raw + intercept; the identity until fitted."""

    slope: float = 1.0
    intercept: float = 0.0

    def log_rate(self, raw: Doubles) -> Doubles:
        """Calibrated log-rate at position 1, float64."""
        return self.slope * raw + self.intercept


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """A tenth of the rows by predicted rate: mean predicted and mean observed rate, and how many rows."""

    predicted: float
    observed: float
    rows: int


def fit_calibration(raw: Doubles, offset: Doubles, label: Doubles, weight: Doubles | None = None) -> Calibration:
    """Maximum a posteriori slope and intercept by Newton's method, rows weighted (1 if left out); without outcomes the identity."""
    if label.sum() <= 0:
        return Calibration()
    weight = np.ones_like(raw) if weight is None else weight / weight.mean()
    centre = float(raw.mean())
    found = _newton(raw - centre, offset, label, weight, start=np.array([1.0, centre]))
    slope, level = float(np.clip(found[0], *_SLOPE)), float(found[1])
    if slope != found[0]:
        level = _level(slope * (raw - centre) + offset, label, weight)
    return Calibration(slope, level - slope * centre)


def _newton(centred: Doubles, offset: Doubles, label: Doubles, weight: Doubles, *, start: Doubles) -> Doubles:
    """Slope and level of the Poisson regression with a normal prior around `start`, the identity in centred terms."""
    design = np.stack([centred, np.ones_like(centred)], axis=1)
    scale = float((label**2).sum() / label.sum())  # overdispersion: 1 for clicks, large for revenue
    prior = np.array([_PRIOR_WEIGHT * max(float(centred.var()), 1e-3), 1e-3]) * scale
    found = start
    for _ in range(_STEPS):
        mean = weight * np.exp(np.clip(design @ found + offset, -30, 30))
        gradient = design.T @ (weight * label - mean) - prior * (found - start)
        step = np.linalg.solve((design.T * mean) @ design + np.diag(prior), gradient)
        found = found + np.clip(step, -1, 1)
        if np.abs(step).max() < _CLOSE:
            break
    return found


def _level(log_rate: Doubles, label: Doubles, weight: Doubles) -> float:
    """The intercept under which expected and observed totals agree."""
    return float(np.log((weight * label).sum()) - np.log((weight * np.exp(log_rate)).sum()))


def reliability(predicted: Doubles, label: Doubles, bins: int = 10) -> tuple[ReliabilityBin, ...]:
    """Bins of equal size by predicted rate, lowest first."""
    order = np.argsort(predicted, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return tuple(ReliabilityBin(float(predicted[p].mean()), float(label[p].mean()), len(p)) for p in parts)


def expected_calibration_error(bins: tuple[ReliabilityBin, ...]) -> float:
    """Mean absolute difference of predicted and observed rates, weighted by rows."""
    total = sum(b.rows for b in bins)
    return sum(abs(b.predicted - b.observed) * b.rows for b in bins) / total if total else 0.0
