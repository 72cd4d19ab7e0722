"""`category_engagement_rate_30d`: clicks per decision shown, smoothed by empirical Bayes.

Rates of recipients within a category are taken as Beta(mean · strength, (1 − mean) · strength); with k clicks of n shown
the estimate is (k + mean · strength) / (n + strength). Mean and strength are fitted once, by moments (Kleinman, JASA 1973),
and stored with the model.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ranking.features.tallies import Codes

_WEIGHT_OF_ALL = 200.0  # shown decisions' worth of the mean over all categories in each category's mean
_STRENGTH = (5.0, 5_000.0)
_DEFAULT_STRENGTH = 100.0
_MINIMUM_GROUPS = 100


@dataclass(frozen=True, slots=True)
class RatePrior:
    """The Beta prior of one category's rates: `mean` in [0, 1], `strength` in decisions shown."""

    mean: float
    strength: float


@dataclass(frozen=True, slots=True)
class EngagementCounts:
    """Shown and clicked, dense: int32[n, K]."""

    shown: Codes
    clicks: Codes

    def overall(self) -> "EngagementCounts":
        """Over all categories: int32[n, 1]."""
        return EngagementCounts(*(counts.sum(axis=1, keepdims=True, dtype=np.int32) for counts in (self.shown, self.clicks)))


def fit_priors(counts: EngagementCounts) -> tuple[RatePrior, ...]:
    """One prior per category, drawn towards the rate over all categories. Without history: mean 0, a plain strength."""
    shown, clicks = counts.shown.sum(axis=0), counts.clicks.sum(axis=0)
    overall = clicks.sum() / shown.sum() if shown.sum() > 0 else 0.0
    means = (clicks + _WEIGHT_OF_ALL * overall) / (shown + _WEIGHT_OF_ALL)
    return tuple(RatePrior(float(m), _strength(counts.clicks[:, k], counts.shown[:, k])) for k, m in enumerate(means))


def _strength(clicks: Codes, shown: Codes) -> float:
    """1/ρ − 1, where ρ is the intra-recipient correlation by moments; wide limits keep a thin sample sane."""
    k, n = (counts[shown > 0].astype(np.float64) for counts in (clicks, shown))
    groups, total = len(n), n.sum()
    if groups < _MINIMUM_GROUPS or not 0 < k.sum() < total or total <= groups:
        return _DEFAULT_STRENGTH
    mean = k.sum() / total
    spread = (n * (k / n - mean) ** 2).sum() / (mean * (1 - mean))
    correlation = (spread - (groups - 1)) / (total - (n**2).sum() / total - (groups - 1))
    return float(np.clip(1 / correlation - 1, *_STRENGTH)) if correlation > 0 else _STRENGTH[1]


def smoothed_rates(counts: EngagementCounts, priors: tuple[RatePrior, ...]) -> npt.NDArray[np.float32]:
    """Smoothed rates, float32[n, K]."""
    rates = np.empty(counts.shown.shape, dtype=np.float32)
    for k, prior in enumerate(priors):
        rates[:, k] = (counts.clicks[:, k] + prior.mean * prior.strength) / (counts.shown[:, k] + prior.strength)
    return rates
