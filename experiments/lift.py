"""What one arm's recipients brought more than another's: means and ratios, with the past taken out where it helps (CUPED).

Compares per recipient, never per letter: whoever gets more letters is one person still. A denominator (letters) makes a ratio of sums.
"""

from dataclasses import dataclass
from math import exp, inf, log, sqrt

from scipy.stats import t as students

from experiments.statistics import LEVEL, MIN_EVENTS, Difference, Interval, TooLittleData
from experiments.totals import Totals

_FEW = 2  # recipients, below which an arm has no variance


@dataclass(frozen=True, slots=True)
class Lift:
    """Treated against control. `treated` and `control` are the means (or ratios), adjusted where the past was taken out.

    `variance_cut`: the share of the variance that the past took away with it. `p_value`: of no difference, two-sided.
    `error`: the standard error of the absolute difference; `relative_error` that of the log of their ratio (inf if it has none).
    """

    treated: float
    control: float
    difference: Difference
    p_value: float
    variance_cut: float
    error: float
    relative_error: float

    def within(self, reach: float, level: float = LEVEL) -> Difference:
        """The difference with intervals that reach so many standard errors to each side."""
        gap, ratio = self.difference.absolute, self.difference.relative + 1
        absolute = Interval(gap - reach * self.error, gap + reach * self.error, level)
        return Difference(gap, absolute, self.difference.relative, _around(ratio, reach * self.relative_error, level))


def lift(treated: Totals, control: Totals, *, level: float = LEVEL) -> Lift | TooLittleData:
    """The difference and the relative difference, with Welch's intervals (t with Satterthwaite's degrees of freedom).

    CUPED (Deng, Xu, Kohavi and Walker, WSDM 2013): θ = cov(z, x) / var(x) over both arms, and each arm's mean is moved by
    −θ (its covariate's mean − that of both). x is from before the campaign, so nothing the campaign did can be taken out with it.
    The relative interval is that of log(m₁/m₀), variance v₁/m₁² + v₀/m₀²; absent ([−1, ∞)) where a mean is not positive.
    """
    if missing := _missing(treated, control):
        return TooLittleData(missing)
    both = treated + control
    theta, cut = _theta(both)
    first, second = _adjusted(treated, theta, both.covariate), _adjusted(control, theta, both.covariate)
    gap, error = first.mean - second.mean, sqrt(first.variance + second.variance)
    reach = _quantile(first, second, level)
    absolute = Interval(gap - reach * error, gap + reach * error, level)
    relative, relative_error = _relative(first, second)
    limits = _around(relative + 1, reach * relative_error, level)
    p_value = float(2 * students.sf(abs(gap) / error, _freedom(first, second))) if error else float(gap == 0)
    return Lift(first.mean, second.mean, Difference(gap, absolute, relative, limits), p_value, cut, error, relative_error)


@dataclass(frozen=True, slots=True)
class _Mean:
    """An arm's mean, the variance of that mean, and the arm's size."""

    mean: float
    variance: float
    n: int


def _theta(both: Totals) -> tuple[float, float]:
    """CUPED's coefficient over the recipients of both arms together, and the share of the variance it takes away."""
    zz, zx, xx = both.moments(both.ratio)
    return (zx / xx, zx**2 / (xx * zz)) if xx > 0 and zz > 0 else (0.0, 0.0)


def _adjusted(arm: Totals, theta: float, centre: float) -> _Mean:
    of_z, of_both, of_x = arm.moments(arm.ratio)
    variance = of_z - 2 * theta * of_both + theta**2 * of_x
    return _Mean(arm.ratio - theta * (arm.covariate - centre), max(variance, 0.0) / arm.n, arm.n)


def _relative(first: _Mean, second: _Mean) -> tuple[float, float]:
    """The relative difference and the standard error of log(m₁/m₀); inf where a mean is not positive."""
    if first.mean <= 0 or second.mean <= 0:
        return (first.mean / second.mean - 1 if second.mean else float("nan")), inf
    return first.mean / second.mean - 1, sqrt(first.variance / first.mean**2 + second.variance / second.mean**2)


def _around(ratio: float, spread: float, level: float) -> Interval:
    """From a ratio and the reach of its logarithm; [−1, ∞) where there is none."""
    if not spread < inf or not ratio > 0:
        return Interval(-1.0, inf, level)
    return Interval(exp(log(ratio) - spread) - 1, exp(log(ratio) + spread) - 1, level)


def _quantile(first: _Mean, second: _Mean, level: float) -> float:
    return float(students.ppf(0.5 + level / 2, _freedom(first, second)))


def _freedom(first: _Mean, second: _Mean) -> float:
    """Welch's and Satterthwaite's degrees of freedom."""
    parts = first.variance**2 / (first.n - 1) + second.variance**2 / (second.n - 1)
    return (first.variance + second.variance) ** 2 / parts if parts else float(first.n + second.n - 2)


def _missing(treated: Totals, control: Totals) -> tuple[str, ...]:
    if min(treated.n, control.n) < _FEW or not treated.d or not control.d:
        return ("one of the arms has no recipients",)
    # Σy² / max y² is at most the number of recipients with any outcome; (Σy)² / Σy² is their effective number.
    effective = min(arm.y**2 / arm.yy if arm.yy else 0.0 for arm in (treated, control))
    if effective < MIN_EVENTS:
        return (f"the outcome rests on about {effective:.0f} recipients of one arm, {MIN_EVENTS} needed",)
    return ()
