"""What a holdout will be able to show, before anybody needs it: the smallest lift that would probably show after some weeks.

The figures of the last weeks stand for those to come: how many recipients there are, how many of them click and buy, and how much what
they buy spreads. The interval is the one the report will use (`experiments/sequential.py`), so nothing is promised that it cannot keep.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

from domain.campaign import Holdout
from experiments.lift_figures import MEANINGS, MINIMUM_WEEKS, PLANNED_WEEKS
from experiments.lift_sums import Measure
from experiments.power import Outcome, detectable
from experiments.sequential import half_width
from experiments.statistics import MIN_EVENTS

WEEKS = 8
USUAL = (0.1, 0.2)  # share of a holdout: less shows little, more costs much
TELLING = 0.1  # a relative lift; a holdout that shows none so small after WEEKS is worth a word


@dataclass(frozen=True, slots=True)
class Past:
    """What recipients did over the last `weeks`: per measure mean and deviation of one recipient."""

    recipients: int
    weeks: int
    outcomes: Mapping[Measure, Outcome]


@dataclass(frozen=True, slots=True)
class Foresight:
    """`smallest`: per measure the relative lift that shows with a probability of 80 % after `weeks`; None where too few would do it."""

    recipients: int
    held_out: int
    weeks: int
    smallest: Mapping[Measure, float | None]
    warnings: tuple[str, ...]


def foresee(holdout: Holdout, past: Past, weeks: int = WEEKS) -> Foresight:
    """What a holdout of these recipients shows after so many weeks; at least two."""
    held = round(past.recipients * holdout.share)
    level = 2 * NormalDist().cdf(half_width(max(weeks, MINIMUM_WEEKS), PLANNED_WEEKS)) - 1
    smallest = {
        measure: _smallest(_over(outcome, weeks / past.weeks, measure), past.recipients - held, held, level)
        for measure, outcome in past.outcomes.items()
    }
    return Foresight(past.recipients, held, weeks, smallest, tuple(_warnings(holdout, held, weeks, smallest)))


def _over(outcome: Outcome, times: float, measure: Measure) -> Outcome:
    """The outcome of a period so many times as long: sums grow with it; of rates what is left out each time is left out less often."""
    if measure is Measure.REVENUE:
        return Outcome(outcome.mean * times, outcome.deviation * times**0.5)
    return Outcome.of_rate(1 - (1 - min(outcome.mean, 1.0)) ** times)


def _smallest(outcome: Outcome, treated: int, held: int, level: float) -> float | None:
    enough = min(treated, held) * (outcome.mean**2 / (outcome.mean**2 + outcome.deviation**2) if outcome.mean else 0.0)
    return detectable(outcome, treated, held, level=level) if enough >= MIN_EVENTS else None


def _warnings(holdout: Holdout, held: int, weeks: int, smallest: Mapping[Measure, float | None]) -> list[str]:
    if not holdout.share:
        return ["there is no holdout: what personalising gains can never be shown (holdout.share, 0.1 to 0.2)"]
    said = []
    if not USUAL[0] <= holdout.share <= USUAL[1]:
        said.append(f"a holdout of {holdout.share:.0%} is unusual: {USUAL[0]:.0%} to {USUAL[1]:.0%} show most for what they cost")
    for measure, lift in smallest.items():
        title = MEANINGS[measure].title.lower()
        if lift is None:
            said.append(f"{held:,} recipients held out are too few to say anything of {title} after {weeks} weeks")
        elif lift > TELLING:
            said.append(f"after {weeks} weeks {held:,} recipients held out show a lift in {title} only if it is {lift:.0%} or more")
    return said
