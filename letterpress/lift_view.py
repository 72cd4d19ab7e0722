"""A lift report as people read it in a terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from domain.decision import Arm
from experiments import lift_words as words
from experiments.lift import Lift
from experiments.lift_figures import Unit
from experiments.lift_report import LiftReport
from experiments.lift_sums import Measure
from experiments.statistics import TooLittleData
from experiments.table_lift import TableLift


def shown(found: LiftReport) -> Group:
    """The answer, the figures, the cohorts, the sends."""
    lines = [words.headline(found), words.period(found), *([] if found.missing else [words.sides(found)]), *found.asked.notes]
    if found.changed_sides:
        lines.append(f"{found.changed_sides:,} recipients whose address changed count for neither side")
    parts: list[RenderableType] = [Text("\n".join(lines))]
    if found.figures:
        parts.append(_figures(found))
    if found.cohorts and not found.blocked:
        parts.append(_cohorts(found))
    if any(one.figures for one in found.sends):
        parts.append(_sends(found))
    if found.figures:
        parts.append(Text("Intervals of figures hold at all looks together (95 %); those of cohorts and sends at one look."))
    return Group(*parts)


def _figures(found: LiftReport) -> Table:
    rows = _table("figure", "personalised", "held out", "difference", "relative", "says")
    for one in found.figures:
        title = ("guardrail: " if one.meaning.guards else "") + one.meaning.title
        gap = words.relative(one.difference) if one.difference else ""
        rows.add_row(title, *words.means(one), gap, words.verdict(one, found.asked.worth))
    return rows


def _cohorts(found: LiftReport) -> Table:
    rows = _table("first letter in the week of", "recipients", "held out", "90-day value: difference")
    for one in found.cohorts:
        said = words.of_lift(one.found, Unit.MONEY, one.currency) if one.found else f"on {one.closes_at:%Y-%m-%d}"
        rows.add_row(one.week.isoformat(), f"{one.recipients:,}", f"{one.held_out:,}", said)
    return rows


def _sends(found: LiftReport) -> Table:
    rows = _table("send", "arm", "recipients", "clickers", "conversion", "revenue")
    for one in found.sends:
        for arm in dict.fromkeys(figure.arm for figure in one.figures):
            cells = [words.in_words(one, arm, measure) for measure in (Measure.CLICKED, Measure.BOUGHT, Measure.REVENUE)]
            rows.add_row(one.send_id, arm.value, f"{one.sizes.get(arm, 0):,} to {one.sizes.get(Arm.HOLDOUT, 0):,}", *cells)
    return rows


def table_shown(found: TableLift) -> Group:
    """Every arm against the control, or why nothing may be concluded."""
    sizes = ", ".join(f"{arm}: {size:,}" for arm, size in found.sizes.items())
    if found.blocked:
        said = (
            f"No verdict: the arms are not as large as they were drawn (p = {found.sample_ratio.p_value:.1g}); {sizes}. Find out why first."
        )
        return Group(Text(said))
    rows = _table("arm", "outcome", "mean", f"mean of {found.control}", "difference", "relative", "p", "variance cut")
    for one in found.comparisons:
        rows.add_row(one.arm, one.outcome, *_compared(one.found))
    note = "Each interval holds with 95 % at one look, at the end of the experiment; several arms and outcomes are several chances to err."
    return Group(Text(f"against {found.control}; {sizes}; sizes as drawn (p = {found.sample_ratio.p_value:.2f})"), rows, Text(note))


def _compared(found: Lift | TooLittleData | None) -> tuple[str, ...]:
    if not isinstance(found, Lift):
        return (str(found),)
    gap = found.difference
    limits = f"{gap.absolute:+.4f} ({gap.absolute_interval.low:+.4f} to {gap.absolute_interval.high:+.4f})"
    means = f"{found.treated:.4f}", f"{found.control:.4f}"
    return *means, limits, words.relative(gap), f"{found.p_value:.2g}", f"{found.variance_cut:.0%}"


def _table(first: str, *others: str) -> Table:
    rows = Table(first)
    for name in others:
        rows.add_column(name, justify="left" if name in ("says", "arm", "outcome") else "right")
    return rows
