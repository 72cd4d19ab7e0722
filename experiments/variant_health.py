"""Which variants do worse than the model thought for the very people who saw them.

A variant's clicks are held against the sum of what was predicted for its readers, so one that is only shown to people who hardly ever
click is not blamed for them. What the model got wrong for everyone (a holiday, a late send) is taken out first, and what it usually gets
wrong about variants is allowed for, before anything is called a miss.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2, false_discovery_control, nbinom

from domain.ids import PlacementId, VariantId
from experiments.statistics import LEVEL, MIN_EVENTS, Interval, TooLittleData

RATE = 0.1  # share of flagged variants that may be flagged wrongly
_ENOUGH = 8  # variants, below which their usual spread cannot be told from misses
_TO_DEVIATION = 1.349  # interquartile range of the normal distribution, in standard deviations

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shown:
    """A variant in a period: how often it was shown, human clicks on it, and the sum of the calibrated predictions for those showings."""

    placement: PlacementId
    variant: VariantId
    shown: int
    clicks: int
    predicted: float


@dataclass(frozen=True, slots=True)
class Health:
    """`ratio`: clicks / expected, where `expected` is predicted x what the other variants' clicks were of theirs; its interval is exact.

    `p_value`: of so few clicks by chance and the usual spread. `flagged`: a miss, at RATE false discoveries. Too little data: no figures.
    """

    shown: Shown
    expected: float
    found: "Miss | TooLittleData"

    @property
    def flagged(self) -> bool:
        """Whether the variant does worse than it should."""
        return isinstance(self.found, Miss) and self.found.flagged


@dataclass(frozen=True, slots=True)
class Miss:
    """The figures of one variant."""

    ratio: float
    interval: Interval
    p_value: float
    flagged: bool


def health(variants: Sequence[Shown], *, rate: float = RATE, minimum: float = MIN_EVENTS) -> list[Health]:
    """Each variant's health, in the order given. Benjamini and Hochberg (1995) over those with `minimum` clicks expected.

    Clicks are Poisson about expected x λ, and λ is gamma-distributed about 1 with the spread that the middle half of the variants
    shows, so that p is a negative binomial's. Few variants show no spread: then it is taken as none.
    """
    clicks = np.array([one.clicks for one in variants], dtype=np.float64)
    expected = _expected(np.array([one.predicted for one in variants], dtype=np.float64), clicks)
    enough = expected >= minimum
    p_values = _p_values(clicks[enough], expected[enough])
    adjusted = false_discovery_control(p_values) if len(p_values) else p_values
    figures = iter(zip(p_values, adjusted, strict=True))
    found: list[Health] = []
    for one, mean, is_enough in zip(variants, expected, enough, strict=True):
        if is_enough:
            p_value, q_value = next(figures)
            miss: Miss | TooLittleData = Miss(one.clicks / mean, _exact(one.clicks, mean), float(p_value), bool(q_value <= rate))
        else:
            miss = TooLittleData((f"{int(mean)} clicks expected, {minimum:.0f} needed",))
        found.append(Health(one, float(mean), miss))
    return found


def _expected(predicted: Values, clicks: Values) -> Values:
    """Predictions x clicks / predictions of all other variants: a bad variant does not lower what is expected of it."""
    others_clicks, others_predicted = clicks.sum() - clicks, predicted.sum() - predicted
    factor = np.divide(others_clicks, others_predicted, out=np.ones_like(predicted), where=(others_predicted > 0) & (others_clicks > 0))
    return np.asarray(predicted * factor, dtype=np.float64)


def _p_values(clicks: Values, expected: Values) -> Values:
    """Chance of so few clicks or fewer: Poisson where variants do not spread, negative binomial where they do."""
    spread = max(_spread(clicks, expected), 1e-9)
    return np.asarray(nbinom.cdf(clicks, 1 / spread, 1 / (1 + spread * expected)), dtype=np.float64)


def _spread(clicks: Values, expected: Values) -> float:
    """Variance of λ beyond chance, from the middle half of the variants, which the bad ones are not in."""
    if len(clicks) < _ENOUGH:
        return 0.0
    ratios = clicks / expected
    low, middle, high = np.percentile(ratios, (25, 50, 75))
    return float(max(((high - low) / _TO_DEVIATION) ** 2 - middle * np.median(1 / expected), 0.0))


def _exact(clicks: int, expected: float, level: float = LEVEL) -> Interval:
    """Garwood's interval (1936) of a Poisson mean, as a ratio to what was expected."""
    low = chi2.ppf((1 - level) / 2, 2 * clicks) / 2 if clicks else 0.0
    return Interval(float(low / expected), float(chi2.ppf((1 + level) / 2, 2 * clicks + 2) / 2 / expected), level)
