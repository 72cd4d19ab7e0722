"""What a comparison could find: the smallest lift that would probably show, and how many more recipients one needs to see a given one."""

from dataclasses import dataclass
from math import ceil, inf, sqrt
from statistics import NormalDist

from experiments.statistics import LEVEL

POWER = 0.8


@dataclass(frozen=True, slots=True)
class Outcome:
    """One recipient's outcome as it was seen before: its mean and standard deviation. For a rate p these are p and √(p (1 − p))."""

    mean: float
    deviation: float

    @staticmethod
    def of_rate(rate: float) -> "Outcome":
        """Of something that happens to a share of recipients."""
        return Outcome(rate, sqrt(rate * (1 - rate)))


def detectable(outcome: Outcome, treated: float, control: float, *, level: float = LEVEL, power: float = POWER) -> float:
    """The relative lift that shows with this probability: (z_{1−α/2} + z_power) · sd · √(1/n₁ + 1/n₀) / mean. inf without recipients."""
    if treated <= 0 or control <= 0 or outcome.mean <= 0:
        return inf
    return _reach(level, power) * outcome.deviation * sqrt(1 / treated + 1 / control) / outcome.mean


def recipients_needed(outcome: Outcome, lift: float, control_share: float, *, level: float = LEVEL, power: float = POWER) -> int:
    """How many recipients, both arms together, a relative lift of this size needs when so large a share is the control."""
    if not 0 < control_share < 1 or outcome.mean <= 0 or not lift:
        raise ValueError("a share within (0, 1), a positive mean and a lift other than 0 are needed")
    error = abs(lift) * outcome.mean / (_reach(level, power) * outcome.deviation)
    return ceil((1 / control_share + 1 / (1 - control_share)) / error**2) if outcome.deviation else 2


def _reach(level: float, power: float) -> float:
    return NormalDist().inv_cdf(0.5 + level / 2) + NormalDist().inv_cdf(power)
