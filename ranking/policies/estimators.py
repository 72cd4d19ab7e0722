"""Off-policy estimators: the mean reward per slate under another policy, each with its influence on recipients.

Self-normalised item-position IPS (Li et al., KDD 2018), doubly robust on the same weights (Kiyohara et al., WSDM 2022), and self-
normalised prefix IPS, which holds for cascades too, as the check. Intervals are Student's, clustered by recipient.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from ranking.policies.slates import Doubles, Slates
from ranking.policies.targets import Target

_LEVEL = 0.95

ENOUGH_SAMPLE = 1_000.0
ENOUGH_MATCHED = 30.0
TOLERATED, ERRORS = 0.1, 4.0  # a mean weight may be so far from 1, or so many standard errors


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and each recipient's influence on it, float64[R]: the variance is the sum of their squares."""

    value: float
    influence: Doubles

    @property
    def interval(self) -> Interval:
        half = self._half_width(_LEVEL)
        return Interval(self.value, self.value - half, self.value + half)

    def nonzero(self, level: float) -> bool:
        """Whether an interval of this level excludes 0."""
        return abs(self.value) > self._half_width(level)

    def _half_width(self, level: float) -> float:
        return _quantile(self.influence, level) * float(np.sqrt((self.influence**2).sum()))

    def minus(self, other: "Estimate") -> "Estimate":
        """The paired difference of two policies on the same log."""
        return Estimate(self.value - other.value, self.influence - other.influence)

    def scaled(self, share: float) -> "Estimate":
        """The estimate times a constant."""
        return Estimate(self.value * share, self.influence * share)

    def plus(self, other: "Estimate") -> "Estimate":
        """The sum of two parts of one whole."""
        return Estimate(self.value + other.value, self.influence + other.influence)


def _quantile(influence: Doubles, level: float) -> float:
    """Student's, with as many degrees of freedom as the sum of squares has (Satterthwaite, Biometrics 1946): where few recipients
    with large weights or amounts make most of the variance, it is uncertain itself, and a normal interval would be too short."""
    squares = influence[influence != 0] ** 2
    if len(squares) == 0:
        return 0.0
    excess = float((squares**2).sum() / squares.sum() ** 2) - 1 / len(squares)
    return float(student.ppf((1 + level) / 2, max(2 / max(excess, 1e-12), 1.0)))


@dataclass(frozen=True, slots=True)
class Support:
    """How much of the log speaks for a policy.

    `sample` is the effective sample size (the least over positions), `largest_weight` the largest weight, `matched` the effective
    number of outcomes that matched the policy, `mean_weight` the mean weight of the position where it is furthest from 1. A mean of 1
    is due if the log shows everything that the policy would, as often as it says it does; `mean_error` is its standard error.
    """

    sample: float
    largest_weight: float
    matched: float
    mean_weight: float = 1.0
    mean_error: float = 0.0

    @property
    def covered(self) -> bool:
        """Whether the weights average 1 as they should, within what chance explains and a tolerance."""
        return abs(self.mean_weight - 1) <= max(TOLERATED, ERRORS * self.mean_error)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why there can be no verdict; empty if there can."""
        sample = f"an effective sample of {self.sample:,.0f} is under {ENOUGH_SAMPLE:,.0f}"
        matched = f"{self.matched:,.0f} matched outcomes are under {ENOUGH_MATCHED:,.0f}"
        mean = f"weights average {self.mean_weight:.2f} where 1 is due, so the log lacks what this policy would show"
        mean = mean if self.mean_weight < 1 else f"weights average {self.mean_weight:.2f} where 1 is due, so propensities are too low"
        lacking = (self.sample < ENOUGH_SAMPLE, self.matched < ENOUGH_MATCHED, not self.covered)
        return tuple(reason for reason, lacks in zip((sample, matched, mean), lacking, strict=True) if lacks)

    def and_(self, other: "Support") -> "Support":
        """Of two placements together: the weaker of each; outcomes that matched add up."""
        further = max(self, other, key=lambda s: abs(s.mean_weight - 1))
        return Support(
            min(self.sample, other.sample),
            max(self.largest_weight, other.largest_weight),
            self.matched + other.matched,
            further.mean_weight,
            further.mean_error,
        )


def on_policy(slates: Slates, recipients: int) -> Estimate:
    """What the logging policy itself earned per slate."""
    return _mean(slates.reward.sum(axis=1), slates, recipients)


def self_normalised(weights: Doubles, slates: Slates, recipients: int) -> Estimate:
    """Σ over positions of Σ w r / Σ w, each by the share of slates that fill the position. `weights` float64[n, K]."""
    n = len(slates)
    total = weights.sum(axis=0)
    share = slates.filled.mean(axis=0)
    value = np.divide((weights * slates.reward).sum(axis=0), total, out=np.zeros_like(total), where=total > 0)
    scale = np.divide(share, total, out=np.zeros_like(total), where=total > 0)
    influence = (weights * (slates.reward - value) * scale).sum(axis=1) * n
    return Estimate(float((share * value).sum()), _by_recipient(influence, slates, recipients))


def doubly_robust(weights: Doubles, target: Target, expected: Doubles, slates: Slates, recipients: int) -> Estimate:
    """Direct expectation plus the weighted residual of what was shown; `expected` float64[n, K] is the reward model's for it."""
    return _mean((target.direct + weights * (slates.reward - expected) * slates.filled).sum(axis=1), slates, recipients)


def support(weights: Doubles, slates: Slates) -> Support:
    """Diagnostics of the weights float64[n, K]."""
    squares = (weights**2).sum(axis=0)
    sample = np.divide(weights.sum(axis=0) ** 2, squares, out=np.zeros_like(squares), where=squares > 0)
    hits = weights * slates.reward
    matched = hits.sum() ** 2 / (hits**2).sum() if (hits > 0).any() else 0.0
    return Support(float(sample.min()), float(weights.max(initial=0.0)), float(matched), *_mean_weight(weights, slates))


def _mean_weight(weights: Doubles, slates: Slates) -> tuple[float, float]:
    """Of the position where it is furthest from 1, with its standard error, clustered by recipient."""
    filled = slates.filled.sum(axis=0)
    mean = weights.sum(axis=0) / filled
    at = int(np.abs(mean - 1).argmax())
    influence = np.bincount(slates.recipient, (weights[:, at] - mean[at]) * slates.filled[:, at])
    return float(mean[at]), float(np.sqrt((influence**2).sum()) / filled[at])


def item_position_weights(target: Target, slates: Slates) -> Doubles:
    """π(variant at position) / q(variant at position)."""
    return np.asarray(target.marginal / slates.propensity)


def prefix_weights(target: Target, slates: Slates) -> Doubles:
    """π(positions up to this one) / q(the same)."""
    return np.asarray(target.prefix / slates.prefix)


def _mean(per_slate: Doubles, slates: Slates, recipients: int) -> Estimate:
    value = float(per_slate.mean())
    return Estimate(value, _by_recipient(per_slate - value, slates, recipients))


def _by_recipient(influence: Doubles, slates: Slates, recipients: int) -> npt.NDArray[np.float64]:
    return np.asarray(np.bincount(slates.recipient, influence / len(slates), minlength=recipients), dtype=np.float64)
