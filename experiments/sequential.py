"""Looking at a difference as often as one likes: confidence sequences.

An interval that is looked at every day is wrong some day: 14 looks at a 95 % interval alarm in 29 to 36 % of the cases where
nothing is the matter (FACTS §11). A confidence sequence holds the truth at all looks together with the probability it names.
"""

from math import inf, log, sqrt

from experiments.statistics import LEVEL, MIN_EVENTS, Interval, TooLittleData
from experiments.strata import Gap


def half_width(n: float, planned: float, level: float = LEVEL) -> float:
    """By how many standard errors the sequence reaches to each side after n observations; inf before the first.

    Asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2021), "Time-uniform central limit theory":
    √(2 (nρ² + 1) / (nρ²) · log(√(nρ² + 1) / α)), narrowest around `planned` observations, for which
    ρ² = (−2 log α + log(−2 log α) + 1) / planned.
    """
    if n <= 0:
        return inf
    alpha = 1.0 - level
    spread = n * (-2 * log(alpha) + log(-2 * log(alpha)) + 1) / planned
    return sqrt(2 * (spread + 1) / spread * log(sqrt(spread + 1) / alpha))


def sequence(found: Gap, planned: float, level: float = LEVEL) -> Interval | TooLittleData:
    """Where the difference lies, at this look and all others. `planned`: half of the observations that are planned in all (FACTS §11).

    Too little data before MIN_EVENTS are expected in the smaller arm: below that sums are not yet as normal as the formula takes them.
    """
    if found.expected_events < MIN_EVENTS:
        missing = f"{found.expected_events:.0f} events expected in the smaller arm of {found.smaller_arm:,} recipients, {MIN_EVENTS} needed"
        return TooLittleData((missing,))
    reach = half_width(found.n, planned, level) * found.error
    return Interval(found.estimate - reach, found.estimate + reach, level)
