"""Two arms over several sends: counts and sums per send and arm, and the difference that no change of allocation can fake.

A ramp gives the candidate 1 % in one send and 20 % in the next, while everybody's rate moves with the season. Arms are therefore
compared within each send, and the sends are combined.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Moments:
    """Of one outcome over n recipients: how many, their sum, the sum of their squares. Adds up."""

    n: int
    total: float
    squares: float

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(self.n + other.n, self.total + other.total, self.squares + other.squares)

    @property
    def mean(self) -> float:
        """nan without recipients."""
        return self.total / self.n if self.n else float("nan")

    @property
    def variance(self) -> float:
        """Of one recipient's outcome, about its own mean."""
        return max(self.squares / self.n - self.mean**2, 0.0) if self.n else 0.0


def of_events(n: int, events: int) -> Moments:
    """Moments of an outcome that is 1 for `events` of the n recipients and 0 for the others."""
    return Moments(n, float(events), float(events))


@dataclass(frozen=True, slots=True)
class Stratum:
    """One send: the candidate's recipients and the incumbent's."""

    candidate: Moments
    incumbent: Moments

    def __add__(self, other: "Stratum") -> "Stratum":
        """Of two parts of one send."""
        return Stratum(self.candidate + other.candidate, self.incumbent + other.incumbent)

    @property
    def weight(self) -> float:
        """n₁ n₀ / (n₁ + n₀): the inverse of the variance, but for the outcome's own. 0 while an arm is empty."""
        both = self.candidate.n + self.incumbent.n
        return self.candidate.n * self.incumbent.n / both if both else 0.0


@dataclass(frozen=True, slots=True)
class Gap:
    """Candidate minus incumbent, per recipient and send. `reference` is the incumbent's mean with the same weights on the sends.

    `n` is the sample size of two equal arms that would be as informative, and `variance` that of the estimate.
    """

    estimate: float
    variance: float
    reference: float
    n: float
    smaller_arm: int
    expected_events: float

    @property
    def error(self) -> float:
        """Standard error of the estimate."""
        return sqrt(self.variance)


def gap(strata: Sequence[Stratum], design_effect: float = 1.0) -> Gap | None:
    """The difference combined over sends: Σ c_w (mean₁ − mean₀), c_w ∝ n₁ n₀ / (n₁ + n₀). None before both arms had a send in common.

    The variance within a send is that of both arms pooled: an arm of 1 % has too few events to know its own (FACTS §11: unpooled,
    26 % false alarms at nominal 5 %). `design_effect` ≥ 1: by how much recipients who come back in several sends raise it.
    """
    used = [stratum for stratum in strata if stratum.weight > 0]
    whole = sum(stratum.weight for stratum in used)
    if not used:
        return None
    shares = [stratum.weight / whole for stratum in used]
    estimate = sum(share * (s.candidate.mean - s.incumbent.mean) for share, s in zip(shares, used, strict=True))
    reference = sum(share * s.incumbent.mean for share, s in zip(shares, used, strict=True))
    variance = sum(share**2 * (s.candidate + s.incumbent).variance / s.weight for share, s in zip(shares, used, strict=True))
    smaller = min(sum(s.candidate.n for s in used), sum(s.incumbent.n for s in used))
    pooled = sum((s.candidate + s.incumbent).total for s in used) / sum((s.candidate + s.incumbent).n for s in used)
    return Gap(estimate, variance * max(design_effect, 1.0), reference, 4.0 * whole, smaller, smaller * pooled)


NOTHING = Gap(0.0, inf, 0.0, 0.0, 0, 0.0)
"""What is known before there is anything to compare."""


def design_effect(residuals: Sequence[npt.NDArray[np.float64]]) -> float:
    """By how much recipients who come back raise the variance: Σ_i (Σ_w e_iw)² / Σ_i Σ_w e_iw², at least 1 (Kish 1965).

    `residuals`: per send float64[n], a recipient's outcome minus the mean of their arm in it, 0 for those the send did not reach.
    The same recipients stand in the same places throughout, of both arms.
    """
    if not residuals:
        return 1.0
    together = float(np.square(np.sum(residuals, axis=0)).sum())
    apart = float(sum(np.square(of_send).sum() for of_send in residuals))
    return max(1.0, together / apart) if apart else 1.0
