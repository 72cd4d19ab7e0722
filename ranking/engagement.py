"""`category_engagement_rate_30d`: clicks per decision shown, smoothed by empirical Bayes.

Rates of recipients within a category are taken as Beta(mean · strength, (1 − mean) · strength); with k clicks of n shown
the estimate is (k + mean · strength) / (n + strength). Mean and strength are fitted once, by moments (Kleinman, JASA 1973),
and stored with the model.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ranking.point_in_time import Engagement

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
    """Shown and clicked, dense: float64[n, K]."""

    shown: npt.NDArray[np.float64]
    clicks: npt.NDArray[np.float64]


def dense(found: Engagement, categories: tuple[str, ...], n: int) -> EngagementCounts:
    """The counts of known categories by row; all others are left out."""
    column = pd.Index(categories, dtype="str").get_indexer(pd.Index(found.category, dtype="str"))
    known = column >= 0
    shown, clicks = np.zeros((n, len(categories))), np.zeros((n, len(categories)))
    shown[found.row[known], column[known]] = found.shown[known]
    clicks[found.row[known], column[known]] = found.clicks[known]
    return EngagementCounts(shown, clicks)


def fit_priors(counts: EngagementCounts) -> tuple[RatePrior, ...]:
    """One prior per category, drawn towards the rate over all categories. Without history: mean 0, a plain strength."""
    shown, clicks = counts.shown.sum(axis=0), counts.clicks.sum(axis=0)
    overall = clicks.sum() / shown.sum() if shown.sum() > 0 else 0.0
    means = (clicks + _WEIGHT_OF_ALL * overall) / (shown + _WEIGHT_OF_ALL)
    return tuple(RatePrior(float(m), _strength(counts.clicks[:, k], counts.shown[:, k])) for k, m in enumerate(means))


def _strength(k: npt.NDArray[np.float64], n: npt.NDArray[np.float64]) -> float:
    """1/ρ − 1, where ρ is the intra-recipient correlation by moments; wide limits keep a thin sample sane."""
    k, n = k[n > 0], n[n > 0]
    groups, total = len(n), n.sum()
    if groups < _MINIMUM_GROUPS or not 0 < k.sum() < total or total <= groups:
        return _DEFAULT_STRENGTH
    mean = k.sum() / total
    spread = (n * (k / n - mean) ** 2).sum() / (mean * (1 - mean))
    correlation = (spread - (groups - 1)) / (total - (n**2).sum() / total - (groups - 1))
    return float(np.clip(1 / correlation - 1, *_STRENGTH)) if correlation > 0 else _STRENGTH[1]


def smoothed_rates(counts: EngagementCounts, priors: tuple[RatePrior, ...]) -> npt.NDArray[np.float32]:
    """Smoothed rates, float32[n, K]."""
    mean, strength = (np.array([getattr(p, name) for p in priors]) for name in ("mean", "strength"))
    return np.asarray((counts.clicks + mean * strength) / (counts.shown + strength), dtype=np.float32)
