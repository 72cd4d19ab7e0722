"""Proportions and their differences: sufficient statistics as frozen values, formulas in the docstrings.

Where the data cannot carry a statement the result is `TooLittleData`, with what is missing; never a zero or a p of 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import NormalDist
from typing import TypeVar

from scipy.stats import binomtest, chi2

Group = TypeVar("Group", bound=str)

LEVEL = 0.95
MIN_EVENTS = 30  # expected in the smaller arm; below it the intervals are not what they say (FACTS §11)
_MIN_CELL = 5.0  # expected in a group for Pearson's statistic to be a chi-square's (Cochran 1952)
SRM_THRESHOLD = 0.001  # a sample ratio this unlikely by chance blocks every verdict


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided interval that covers the estimand with probability `level`."""

    low: float
    high: float
    level: float = LEVEL


@dataclass(frozen=True, slots=True)
class TooLittleData:
    """No statement can be made; `missing` says what would be needed, in words."""

    missing: tuple[str, ...]

    def __str__(self) -> str:
        return "too little data: " + "; ".join(self.missing)


@dataclass(frozen=True, slots=True)
class Proportion:
    """`successes` out of `trials` independent recipients. Adds up over shards and sends."""

    successes: int
    trials: int

    def __post_init__(self) -> None:
        if not 0 <= self.successes <= self.trials:
            raise ValueError(f"{self.successes} successes in {self.trials} trials")

    def __add__(self, other: "Proportion") -> "Proportion":
        return Proportion(self.successes + other.successes, self.trials + other.trials)

    @property
    def rate(self) -> float:
        """successes / trials; nan without trials."""
        return self.successes / self.trials if self.trials else float("nan")

    def interval(self, level: float = LEVEL) -> Interval:
        """Wilson's score interval (JASA 1927): the rates p with |rate − p| ≤ z √(p(1−p)/n). All of [0, 1] without trials."""
        if not self.trials:
            return Interval(0.0, 1.0, level)
        n, z = self.trials, _z(level)
        centre = (self.rate + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * sqrt(self.rate * (1 - self.rate) / n + z * z / (4 * n * n))
        low = 0.0 if self.successes == 0 else max(0.0, centre - half)
        return Interval(low, 1.0 if self.successes == n else min(1.0, centre + half), level)


@dataclass(frozen=True, slots=True)
class Difference:
    """Treated minus control, absolute and relative to control (`ratio` − 1 is the lift)."""

    absolute: float
    absolute_interval: Interval
    relative: float
    relative_interval: Interval

    @property
    def is_established(self) -> bool:
        """Whether both intervals exclude no difference; they are of different make and may part ways at the margin."""
        above = self.absolute_interval.low > 0 and self.relative_interval.low > 0
        return above or (self.absolute_interval.high < 0 and self.relative_interval.high < 0)


def difference(treated: Proportion, control: Proportion, level: float = LEVEL) -> Difference | TooLittleData:
    """How much higher the treated rate is.

    Absolute: Newcombe's hybrid score interval (Statistics in Medicine 1998, method 10), from the Wilson limits l, u of
    both: low = d − √((p₁−l₁)² + (u₂−p₂)²), high = d + √((u₁−p₁)² + (p₂−l₂)²).
    Relative: p₁/p₂ − 1 with the interval of log(p₁/p₂) (Katz 1978), variance 1/x₁ − 1/n₁ + 1/x₂ − 1/n₂.
    Too little data: fewer than MIN_EVENTS successes expected in the smaller arm at the pooled rate, or none in one arm.
    """
    if missing := _missing(treated, control):
        return TooLittleData(missing)
    first, second, gap = treated.interval(level), control.interval(level), treated.rate - control.rate
    down = sqrt((treated.rate - first.low) ** 2 + (second.high - control.rate) ** 2)
    up = sqrt((first.high - treated.rate) ** 2 + (control.rate - second.low) ** 2)
    ratio, spread = treated.rate / control.rate, _z(level) * sqrt(_log_variance(treated) + _log_variance(control))
    relative = Interval(exp(log(ratio) - spread) - 1, exp(log(ratio) + spread) - 1, level)
    return Difference(gap, Interval(gap - down, gap + up, level), ratio - 1, relative)


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Whether the arms are as large as they were drawn: `p_value` of the counts under the shares."""

    p_value: float

    @property
    def is_off(self) -> bool:
        """A mismatch: something treats the arms differently before the comparison starts, so no verdict holds."""
        return self.p_value < SRM_THRESHOLD


def sample_ratio(counts: Mapping[Group, int], shares: Mapping[Group, float]) -> SampleRatio:
    """Pearson's chi-square of the counts against the shares (scaled to sum to 1), with one degree fewer than groups.

    Groups of which fewer than five are expected are taken together; where that leaves two and one is still too small, the binomial test
    answers exactly. Groups of share 0 must be empty; with fewer than two groups left nothing can be off, and p is 1.
    """
    drawn = {group: share for group, share in shares.items() if share > 0}
    if any(counts.get(group, 0) for group in shares.keys() - drawn.keys()):
        return SampleRatio(0.0)
    total, scale = sum(counts.get(group, 0) for group in drawn), sum(drawn.values())
    if len(drawn) < 2 or not total:  # noqa: PLR2004 - a comparison needs two
        return SampleRatio(1.0)
    cells = _taken_together([(counts.get(group, 0), total * share / scale) for group, share in drawn.items()])
    if min(mean for _, mean in cells) < _MIN_CELL:
        count, mean = cells[0]
        return SampleRatio(float(binomtest(count, total, min(1.0, mean / total)).pvalue))
    return SampleRatio(float(chi2.sf(sum((count - mean) ** 2 / mean for count, mean in cells), len(cells) - 1)))


def _taken_together(cells: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Counts and what was expected, the two smallest cells being one for as long as one is too small and more than two are left."""
    found = sorted(cells, key=lambda cell: cell[1])
    while len(found) > 2 and found[0][1] < _MIN_CELL:  # noqa: PLR2004 - a comparison needs two
        (one, its_mean), (other, others_mean), *rest = found
        found = sorted([(one + other, its_mean + others_mean), *rest], key=lambda cell: cell[1])
    return found


def _missing(treated: Proportion, control: Proportion) -> tuple[str, ...]:
    pooled, smaller = treated + control, min(treated.trials, control.trials)
    if not smaller:
        return ("one of the arms has no recipients",)
    expected = pooled.rate * smaller
    if expected < MIN_EVENTS:
        return (f"{expected:.0f} clicks expected in the smaller arm of {smaller:,} recipients, {MIN_EVENTS} needed",)
    return () if treated.successes and control.successes else ("one of the arms has no clicks",)


def _log_variance(of: Proportion) -> float:
    return 1 / of.successes - 1 / of.trials


def _z(level: float) -> float:
    return NormalDist().inv_cdf(0.5 + level / 2)
