"""What a lift report says, in sentences: the same for the terminal, the page and the run's artifact."""

from math import isnan

from domain.decision import Arm
from experiments.lift import Lift
from experiments.lift_figures import MEANINGS, Figure, Unit, Verdict
from experiments.lift_report import LiftReport, SendFigure
from experiments.lift_sums import Measure
from experiments.statistics import Difference, Interval, TooLittleData

HEADLINE = (Measure.REVENUE, Measure.BOUGHT, Measure.CLICKED)  # what the first sentence is about, in this order


def amount(value: float, unit: Unit, currency: str = "") -> str:
    """A mean: money with its currency, a share in percent."""
    return f"{value:,.2f} {currency}".rstrip() if unit is Unit.MONEY else f"{value:.2%}"


def change(value: float, unit: Unit, currency: str = "") -> str:
    """A difference of means, with its sign; of shares in percentage points."""
    return f"{value:+,.2f} {currency}".rstrip() if unit is Unit.MONEY else f"{100 * value:+.2f} points"


def span(interval: Interval, unit: Unit, currency: str = "") -> str:
    """The limits of a difference."""
    if unit is Unit.MONEY:
        return f"{interval.low:+,.2f} to {interval.high:+,.2f} {currency}".rstrip()
    return f"{100 * interval.low:+.2f} to {100 * interval.high:+.2f} points"


def relative(of: Difference) -> str:
    """The relative difference with its limits."""
    limits = of.relative_interval
    if limits.high == float("inf"):
        return f"{of.relative:+.1%}"
    return f"{of.relative:+.1%} ({limits.low:+.1%} to {limits.high:+.1%})"


def verdict(of: Figure, worth: float) -> str:
    """What may be said of a figure, in a few words."""
    more = f", needs about {of.more_recipients:,} more recipients" if of.more_recipients else ""
    return {
        Verdict.MORE: "More, established" if not of.meaning.guards else "Harm: more, established",
        Verdict.LESS: "Loss: less, established" if not of.meaning.guards else "Less, established",
        Verdict.NO_DIFFERENCE: f"No difference shown; one of {worth:.0%} would probably have shown",
        Verdict.CANNOT_TELL: f"Cannot tell yet{more}",
        Verdict.TOO_LITTLE_DATA: f"Too little data{more}",
        Verdict.BLOCKED: "No verdict",
    }[of.verdict]


def headline(found: LiftReport) -> str:
    """The answer in one sentence."""
    if found.missing:
        return f"Cannot tell yet: {'; '.join(found.missing.missing)}."
    if found.blocked:
        return f"No verdict: {blocked(found)}"
    gains = [one for measure in HEADLINE for one in found.of(guards=False) if one.measure is measure]
    better = [f"{_called(one)} {relative(one.difference)}" for one in gains if one.verdict is Verdict.MORE and one.difference]
    harm = [f"{_called(one)} {relative(one.difference)}" for one in found.figures if one.is_harm and one.difference]
    told = [f"Personalised letters brought more: {better[0]}."] if better else []
    told += [f"They did harm: {', '.join(harm)}."] if harm else []
    waiting = [one.more_recipients for one in gains if one.more_recipients]
    nothing = f"Cannot tell yet: needs about {min(waiting):,} more recipients." if waiting else "No difference shown between the two."
    return " ".join(told) or nothing


def _called(one: Figure) -> str:
    return one.meaning.title.lower() + (f" in {one.currency}" if one.currency else "")


def blocked(found: LiftReport) -> str:
    """Why nothing may be concluded."""
    share = found.asked.holdout.share
    return (
        f"of {found.recipients + found.held_out:,} recipients {found.held_out:,} are held out (or in the control), not {share:.0%} "
        f"(p = {found.sample_ratio.p_value:.1g}). Something treats the sides differently before anything is compared: find out what first."
    )


def period(found: LiftReport) -> str:
    """Which weeks of which campaigns."""
    asked = found.asked
    weeks = f"{asked.period.weeks} whole week{'s' * (asked.period.weeks != 1)}"
    return f"{', '.join(asked.campaigns)}: {weeks}, {asked.period.since:%Y-%m-%d %H:%M} to {asked.period.until:%Y-%m-%d %H:%M} UTC"


def sides(found: LiftReport) -> str:
    """Who is compared with whom."""
    asked = found.asked
    gets = "default content" if asked.holdout.gets_letters else "no letters"
    return f"{found.recipients:,} recipients with personalised letters against {found.held_out:,} held out, who get {gets}"


def means(of: Figure) -> tuple[str, str, str]:
    """The personalised's, the held out's, and the difference with its limits; of what is too little the plain means alone."""
    unit, gap = of.meaning.unit, of.difference
    if of.found is None or isnan(of.mean) or isnan(of.mean_held_out):
        return "", "", ""
    if not isinstance(of.found, Lift) or gap is None:
        return amount(of.mean, unit, of.currency), amount(of.mean_held_out, unit, of.currency), ""
    difference = f"{change(gap.absolute, unit, of.currency)} ({span(gap.absolute_interval, unit)})"
    return amount(of.found.treated, unit, of.currency), amount(of.found.control, unit, of.currency), difference


def of_lift(found: Lift | TooLittleData | None, unit: Unit, currency: str) -> str:
    """A comparison at one look."""
    if found is None:
        return "not yet"
    if isinstance(found, TooLittleData):
        return "too little data"
    return f"{change(found.difference.absolute, unit, currency)} ({span(found.difference.absolute_interval, unit, currency)})"


def in_words(send: SendFigure, arm: Arm, measure: Measure) -> str:
    """A measure of one arm of a send, per currency."""
    unit = MEANINGS[measure].unit
    told = [one for one in send.figures if one.arm is arm and one.measure is measure]
    return "; ".join(of_lift(one.found, unit, one.currency) for one in told)
