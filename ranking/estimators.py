"""Off-policy estimators: the mean reward per slate under another policy, each with its influence on recipients.

Self-normalised item-position IPS (Li et al., KDD 2018), doubly robust on the same weights (Kiyohara et al., WSDM 2022), and self-
normalised prefix IPS, which holds for cascades too, as the check. Intervals are normal, clustered by recipient.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ranking.slates import Doubles, Slates
from ranking.targets import Target

Z = 1.959964

ENOUGH_SAMPLE = 1_000.0
ENOUGH_MATCHED = 30.0


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
        half = Z * float(np.sqrt((self.influence**2).sum()))
        return Interval(self.value, self.value - half, self.value + half)

    def minus(self, other: "Estimate") -> "Estimate":
        """The paired difference of two policies on the same log."""
        return Estimate(self.value - other.value, self.influence - other.influence)

    def scaled(self, share: float) -> "Estimate":
        """The estimate times a constant."""
        return Estimate(self.value * share, self.influence * share)

    def plus(self, other: "Estimate") -> "Estimate":
        """The sum of two parts of one whole."""
        return Estimate(self.value + other.value, self.influence + other.influence)


@dataclass(frozen=True, slots=True)
class Support:
    """How much of the log speaks for a policy: effective sample size (the least over positions), largest weight, and effective
    number of outcomes that matched it."""

    sample: float
    largest_weight: float
    matched: float

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why there can be no verdict; empty if there can."""
        sample = f"an effective sample of {self.sample:,.0f} is under {ENOUGH_SAMPLE:,.0f}"
        matched = f"{self.matched:,.0f} matched outcomes are under {ENOUGH_MATCHED:,.0f}"
        return (sample,) * (self.sample < ENOUGH_SAMPLE) + (matched,) * (self.matched < ENOUGH_MATCHED)


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
    return Support(float(sample.min()), float(weights.max(initial=0.0)), float(matched))


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
