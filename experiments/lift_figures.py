"""The figures of a lift report: what each measure means, what it came to, and what may be said of it.

Every figure is looked at every week, so what is said rests on a confidence sequence (`experiments/sequential.py`): it holds at all looks
together, and nobody has to promise not to look. Its clock is the number of whole weeks, which is slower than the sums gain information
where the same recipients come back, and so errs to the careful side (docs/adr/0016).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from statistics import NormalDist

from experiments.lift import Lift, lift
from experiments.lift_sums import Measure, Sides
from experiments.power import Outcome, recipients_needed
from experiments.sequential import half_width
from experiments.statistics import MIN_EVENTS, Difference, TooLittleData
from experiments.totals import Totals

MINIMUM_WEEKS = 2
PLANNED_WEEKS = 13.0  # half of half a year of looks: where the sequence is narrowest
WORTH = 0.05  # the smallest relative lift that is worth knowing of


class Unit(StrEnum):
    """What a figure is counted in."""

    MONEY = "money"
    SHARE = "share"


@dataclass(frozen=True, slots=True)
class Meaning:
    """How a measure is called and defined, for people who were not there. `guards`: more of it is worse."""

    title: str
    definition: str
    unit: Unit
    guards: bool = False


MEANINGS: Mapping[Measure, Meaning] = {
    Measure.REVENUE: Meaning(
        "Revenue per recipient",
        "All that a recipient bought in the period, from their first letter on, returns deducted; the mean over all recipients, "
        "those who bought nothing included.",
        Unit.MONEY,
    ),
    Measure.BOUGHT: Meaning("Conversion", "Share of recipients who bought anything in the period, from their first letter on.", Unit.SHARE),
    Measure.CLICKED: Meaning(
        "Clickers",
        "Share of recipients who clicked something in a letter that was placed there for them. Machines do not count.",
        Unit.SHARE,
    ),
    Measure.CLICKS_PER_LETTER: Meaning("Clicks per letter", "Letters in which something was clicked, out of all letters.", Unit.SHARE),
    Measure.VALUE: Meaning(
        "90-day value", "All that a recipient bought within 90 days of their first letter, by the week of that letter.", Unit.MONEY
    ),
    Measure.UNSUBSCRIBED: Meaning("Unsubscribed", "Share of recipients who unsubscribed in the period: churn.", Unit.SHARE, guards=True),
    Measure.COMPLAINED: Meaning("Complained", "Share of recipients who reported a letter as spam in the period.", Unit.SHARE, guards=True),
    Measure.BOUNCED: Meaning("Bounced", "Share of recipients with a letter that came back in the period.", Unit.SHARE, guards=True),
}
OF_LETTERS = frozenset(  # say nothing of a holdout that gets no letters
    {Measure.CLICKED, Measure.CLICKS_PER_LETTER, Measure.UNSUBSCRIBED, Measure.COMPLAINED, Measure.BOUNCED}
)


class Verdict(StrEnum):
    """What may be said."""

    MORE = "more"
    LESS = "less"
    NO_DIFFERENCE = "no_difference"  # one that is worth knowing of would probably have shown
    CANNOT_TELL = "cannot_tell"  # one that is worth knowing of might still be there
    TOO_LITTLE_DATA = "too_little_data"
    BLOCKED = "blocked"  # the arms are not as large as they were drawn


@dataclass(frozen=True, slots=True)
class Look:
    """After so many weeks. `difference`: None while there was too little data."""

    weeks: int
    difference: Difference | None


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure. `found`: at this look alone; `difference`: with intervals that hold at all looks. Both are None while blocked.

    `mean` and `mean_held_out` are plain means (or ratios), as counted; those in `found` may have the past taken out.

    `more_recipients`: about how many more it takes, where one cannot tell yet, until a lift of WORTH, or the one seen so far if that is
    larger, would show with a probability of 80 %.
    """

    measure: Measure
    currency: str
    recipients: int
    held_out: int
    mean: float
    mean_held_out: float
    found: Lift | TooLittleData | None
    difference: Difference | None
    verdict: Verdict
    more_recipients: int | None
    looks: tuple[Look, ...]

    @property
    def meaning(self) -> Meaning:
        """What it is."""
        return MEANINGS[self.measure]

    @property
    def is_harm(self) -> bool:
        """Whether more of something bad, or less of something good, is established."""
        return self.verdict is (Verdict.MORE if self.meaning.guards else Verdict.LESS)


def figure(measure: Measure, currency: str, by_week: Sequence[Sides], *, blocked: bool, worth: float = WORTH) -> Figure:
    """The figure of a measure from its totals after 1, 2, … weeks; at least one."""
    last, weeks = by_week[-1], len(by_week)
    counted = last.treated.n, last.control.n, last.treated.ratio, last.control.ratio
    if blocked:
        return Figure(measure, currency, *counted, None, None, Verdict.BLOCKED, None, ())
    found = lift(last.treated, last.control)
    looks = tuple(Look(week, _difference(sides, week)) for week, sides in enumerate(by_week, 1) if week >= MINIMUM_WEEKS)
    difference = _difference(last, weeks)
    more = _more(found, last, half_width(weeks, PLANNED_WEEKS), worth)
    return Figure(measure, currency, *counted, found, difference, _verdict(difference, more), more, looks)


def _difference(sides: Sides, weeks: int) -> Difference | None:
    found = lift(sides.treated, sides.control)
    return found.within(half_width(weeks, PLANNED_WEEKS)) if isinstance(found, Lift) else None


def _verdict(difference: Difference | None, more: int | None) -> Verdict:
    if difference is None:
        return Verdict.TOO_LITTLE_DATA
    if difference.is_established:
        return Verdict.MORE if difference.absolute > 0 else Verdict.LESS
    return Verdict.CANNOT_TELL if more else Verdict.NO_DIFFERENCE


def _more(found: Lift | TooLittleData, sides: Sides, reach: float, worth: float) -> int | None:
    """How many more recipients, of both arms together and at the same shares, it takes; 0 for enough, None where nobody can say."""
    n, held = sides.treated.n + sides.control.n, sides.control.n
    if not held or not sides.treated.n:
        return None
    if isinstance(found, TooLittleData):
        least = min(_effective(sides.treated), _effective(sides.control))
        return max(round_up(n * MIN_EVENTS / least - n), 1) if least else None
    if found.control <= 0:
        return None
    deviation = found.error / sqrt(1 / sides.treated.n + 1 / held)  # of one recipient, with what the past took away
    outcome, level = Outcome(found.control, deviation), 2 * NormalDist().cdf(reach) - 1
    if recipients_needed(outcome, worth, held / n, level=level) <= n:
        return 0
    needed = recipients_needed(outcome, max(worth, abs(found.difference.relative)), held / n, level=level)
    return round_up(max(needed - n, n // 10, 1))


def _effective(arm: Totals) -> float:
    return arm.y**2 / arm.yy if arm.yy else 0.0


def round_up(count: float) -> int:
    """To two figures: an estimate that names more of them claims more than it knows."""
    step = 10 ** max(len(str(int(count))) - 2, 0)
    return int(-(-count // step) * step)
