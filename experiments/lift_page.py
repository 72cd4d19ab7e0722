"""The lift report as one HTML page that holds everything it shows: for people who did not run it, and for keeping."""

from collections.abc import Iterable, Sequence
from html import escape
from math import isfinite

from domain.decision import Arm
from experiments import lift_words as words
from experiments.lift import Lift
from experiments.lift_figures import MEANINGS, Figure, Unit
from experiments.lift_method import STYLE, method
from experiments.lift_report import CohortFigure, LiftReport, SendFigure
from experiments.lift_sums import Measure
from experiments.svg_plots import Estimate, over_time, side_by_side

_PER_SEND = (Measure.REVENUE, Measure.BOUGHT, Measure.CLICKED, Measure.UNSUBSCRIBED)


def page(found: LiftReport) -> str:
    """The page. Nothing is loaded from anywhere, and there are no scripts in it."""
    title = f"Lift of {', '.join(found.asked.campaigns)}"
    body = (
        f"<h1>{escape(title)}</h1><p class=answer>{escape(words.headline(found))}</p>",
        f"<p>{escape(words.period(found))}.{'' if found.missing else '<br>' + escape(words.sides(found)) + '.'}</p>",
        *(f"<p class=note>{escape(note)}.</p>" for note in _notes(found)),
        _gains(found),
        _guardrails(found),
        _cohorts(found),
        _sends(found),
        method(found),
    )
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body><main>{"".join(body)}</main></body></html>\n'


def _notes(found: LiftReport) -> list[str]:
    moved = f"{found.changed_sides:,} recipients whose address changed count for neither side"
    return [*found.asked.notes, *([moved] if found.changed_sides else [])]


def _gains(found: LiftReport) -> str:
    gains = found.of(guards=False)
    if not gains:
        return ""
    known = [one for one in gains if one.difference and isfinite(one.difference.relative_interval.high)]
    plot = _relative(known, "Relative lift of each figure, with its interval") if known else ""
    return f"<h2>What it gained</h2>{plot}<div class=cards>{''.join(_card(one, found) for one in gains)}</div>"


def _guardrails(found: LiftReport) -> str:
    guards = found.of(guards=True)
    if not guards:
        return ""
    rows = [(one.meaning.title, *words.means(one), words.verdict(one, found.asked.worth)) for one in guards]
    return "<h2>What it cost</h2>" + _table(("", "personalised", "held out", "difference", "says"), rows)


def _relative(figures: Sequence[Figure], described: str) -> str:
    estimates = []
    for one in figures:
        if one.difference:
            limits = one.difference.relative_interval
            label = one.meaning.title + (f" ({one.currency})" if one.currency else "")
            estimates.append(Estimate(label, one.difference.relative, limits.low, limits.high))
    return (
        f"<figure>{side_by_side(estimates, lambda value: f'{value:+.0%}', described)}<figcaption>{escape(described)}</figcaption></figure>"
    )


def _card(one: Figure, found: LiftReport) -> str:
    personalised, held_out, gap = words.means(one)
    facts = [("personalised", personalised), ("held out", held_out), ("difference", gap)]
    if one.difference:
        facts.append(("relative", words.relative(one.difference)))
    if isinstance(one.found, Lift) and one.found.variance_cut > 0.005:  # noqa: PLR2004 - below it there is nothing to tell
        facts.append(("past taken out", f"{one.found.variance_cut:.0%} of the variance"))
    listed = "".join(f"<dt>{name}</dt><dd>{escape(said)}</dd>" for name, said in facts if said)
    said = escape(words.verdict(one, found.asked.worth))
    title = escape(one.meaning.title + (f", {one.currency}" if one.currency else ""))
    return (
        f"<section><h3>{title}</h3><p class=verdict>{said}</p><dl>{listed}</dl>{_by_week(one)}"
        f"<p class=definition>{escape(one.meaning.definition)}</p></section>"
    )


def _by_week(one: Figure) -> str:
    points = [
        Estimate(
            f"week {look.weeks}", look.difference.absolute, look.difference.absolute_interval.low, look.difference.absolute_interval.high
        )
        for look in one.looks
        if look.difference
    ]
    if len(points) < 2:  # noqa: PLR2004 - one look is no course
        return ""
    unit = one.meaning.unit
    described = f"{one.meaning.title}: difference after each week"
    return over_time(points, lambda value: words.change(value, unit).replace(" points", ""), described)


def _cohorts(found: LiftReport) -> str:
    if not found.cohorts or found.blocked or found.missing:
        return ""
    rows = [
        (one.week.isoformat(), f"{one.recipients:,}", f"{one.held_out:,}", _of_cohort(one))
        for one in sorted(found.cohorts, key=lambda c: c.week)
    ]
    closed = [
        Estimate(f"{one.week.isoformat()} {one.currency}".strip(), gap.absolute, gap.absolute_interval.low, gap.absolute_interval.high)
        for one in found.cohorts
        if isinstance(one.found, Lift)
        for gap in (one.found.difference,)
    ]
    plot = side_by_side(closed, lambda value: f"{value:+,.2f}", "90-day value: difference by cohort") if closed else ""
    table = _table(("first letter in the week of", "recipients", "held out", "difference per recipient"), rows)
    return f"<h2>90-day value</h2><p class=definition>{escape(MEANINGS[Measure.VALUE].definition)}</p>{plot}{table}"


def _of_cohort(one: CohortFigure) -> str:
    return words.of_lift(one.found, Unit.MONEY, one.currency) if one.found else f"known on {one.closes_at:%Y-%m-%d}"


def _sends(found: LiftReport) -> str:
    if not found.sends or found.missing:
        return ""
    rows = [row for one in found.sends for row in _of_send(one)]
    names = ("send", "arm", "recipients", "held out", *(MEANINGS[measure].title for measure in _PER_SEND))
    note = "Difference to the held out of the same send, for as long as a click counts for it; intervals at one look."
    return f"<h2>Send by send</h2><p class=definition>{note}</p>{_table(names, rows)}"


def _of_send(one: SendFigure) -> Iterable[Sequence[str]]:
    held = f"{one.sizes.get(Arm.HOLDOUT, 0):,}"
    if not one.figures:
        drawn = sum(size for arm, size in one.sizes.items() if arm is not Arm.HOLDOUT)
        said = "no verdict: sizes are off" if one.sample_ratio.is_off else f"known on {one.counts_until:%Y-%m-%d}"
        yield one.send_id, "all", f"{drawn:,}", held, said, "", "", ""
    for arm in dict.fromkeys(figure.arm for figure in one.figures):
        cells = [words.in_words(one, arm, measure) for measure in _PER_SEND]
        yield one.send_id, arm.value, f"{one.sizes.get(arm, 0):,}", held, *cells


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<div class=wide><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
