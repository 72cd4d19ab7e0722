"""Gates before training: too little or broken data stop it, with the reason. What has changed in earnest may pass by a person's word.

Every gate compares the latest week with the ones before it, so that a shop is its own measure. None of them judges where there is too
little to judge by: what is missing for a model altogether is said by training itself.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from domain.recipient import AttributeKind
from ranking.features.drift import Drift, Level
from ranking.training.data_counts import Contradiction, Counts, Flow, Week

_THE_MOMENT = (  # tells of the instant of deciding, not of who is decided for
    *("session_local_hour", "session_local_weekday"),
    *("session_acts", "session_idle_minutes", "session_interest", "session_query_match", "session_cart_match"),
)


class Gate(StrEnum):
    """What was found wrong."""

    VOLUME = "volume"
    LABELS = "labels"
    UNKNOWN = "unknown values"
    DRIFT = "drift"
    CONTRADICTIONS = "contradictions"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that speaks against training; what does not stop it is noted on the card."""

    gate: Gate
    reason: str
    stops: bool = True


@dataclass(frozen=True, slots=True)
class Limits:
    """Where gates close."""

    weeks_before: int = 3  # at least, to compare with
    volume: float = 0.3  # of the median of the weeks before
    enough_rows: int = 100  # in that median, for its table to be judged
    labels: tuple[float, float] = (1 / 3, 5.0)  # of the rate of the weeks before; a first model may well triple it
    enough_labels: float = 30.0  # expected in the week
    unknown: float = 0.2  # more of a column than before
    drifted: float = 0.5  # of the incumbent's gain, on features that have drifted
    contradictions: float = 0.01  # of a table's rows


def findings_of_history(counts: Counts, limits: Limits = Limits()) -> tuple[Finding, ...]:
    """What speaks against training on this history."""
    by_placement = defaultdict[str, list[Week]](list)
    for week in counts.weeks:
        by_placement[week.placement].append(week)
    of_weeks = (stop for weeks in by_placement.values() for stop in _of_weeks(sorted(weeks, key=lambda w: w.week), limits))
    of_flows = (stop for flow in counts.flows for stop in _of_flow(flow, limits))
    return (*of_weeks, *of_flows, *_of_contradictions(counts.contradictions, limits))


def _of_weeks(weeks: Sequence[Week], limits: Limits) -> Iterator[Finding]:
    """A placement's weeks with letters, the latest first."""
    latest, before = weeks[0], weeks[1:]
    if latest.week > 0 or len(before) < limits.weeks_before:
        return
    usual = median(week.decisions for week in before)
    if usual >= limits.enough_rows and latest.decisions < limits.volume * usual:
        yield Finding(
            Gate.VOLUME,
            f"{latest.placement}: {latest.decisions:,} decisions in the latest week, where the {len(before)} weeks before had "
            f"{usual:,.0f} each",
        )
    yield from _of_labels(latest, before, limits)
    lacking, lacked = latest.no_propensity / latest.decisions, _share(before, "no_propensity")
    if lacking - lacked > limits.unknown:
        yield Finding(
            Gate.UNKNOWN,
            f"{latest.placement}: {lacking:.0%} of the latest week's decisions have no propensity, {lacked:.0%} of those before",
        )


def _of_labels(latest: Week, before: Sequence[Week], limits: Limits) -> Iterator[Finding]:
    usual, now = _share(before, "labels"), latest.labels / latest.decisions
    if usual * latest.decisions < limits.enough_labels:
        return
    low, high = limits.labels
    if not low * usual <= now <= high * usual:
        guess = "is tracking broken?" if now < usual else "are machines counted as people?"
        yield Finding(
            Gate.LABELS, f"{latest.placement}: {now:.3g} per decision in the latest week, {usual:.3g} in the weeks before; {guess}"
        )


def _share(weeks: Sequence[Week], what: str) -> float:
    return float(sum(getattr(week, what) for week in weeks) / sum(week.decisions for week in weeks))


def _of_flow(flow: Flow, limits: Limits) -> Iterator[Finding]:
    """What the site tells less of than usual. It stops nothing by itself: if a model misses it, its features will have drifted."""
    latest, before = flow.rows[0], [rows for rows in flow.rows[1:] if rows]
    if len(before) < limits.weeks_before:
        return
    usual = median(before)
    if usual >= limits.enough_rows and latest < limits.volume * usual:
        yield Finding(
            Gate.VOLUME,
            f"{flow.table}: {latest:,} received in the last seven days, where the {len(before)} weeks before had {usual:,.0f} each",
            stops=False,
        )


def _of_contradictions(found: Iterable[Contradiction], limits: Limits) -> Iterator[Finding]:
    for one in found:
        if one.rows > limits.contradictions * one.of:
            yield Finding(Gate.CONTRADICTIONS, f"{one.rows:,} of {one.of:,} rows of {one.table} {one.what}")


def lost_attributes(known: Mapping[str, AttributeKind], columns: Collection[str]) -> tuple[Finding, ...]:
    """Attributes that the incumbent goes by and recipients no longer have."""
    lost = [name for name, kind in sorted(known.items()) if kind is not AttributeKind.TEXT and name not in columns]
    return tuple(Finding(Gate.UNKNOWN, f"recipients have no attribute {name!r} any more") for name in lost)


def findings_of_features(drifts: Sequence[Drift], importances: Mapping[str, float], limits: Limits = Limits()) -> tuple[Finding, ...]:
    """What speaks against training on features as they are now, beside those that the incumbent was fitted on.

    Drift in itself is why one trains anew. It stops where most of what the incumbent goes by has drifted: then something else has changed.
    """
    judged = [drift for drift in drifts if drift.feature.partition(".")[0] not in _THE_MOMENT]
    lost = [drift for drift in judged if drift.unknown_now - drift.unknown_fitted > limits.unknown]
    unknown = tuple(
        Finding(Gate.UNKNOWN, f"{drift.feature} is unknown of {drift.unknown_now:.0%}, where it was of {drift.unknown_fitted:.0%}")
        for drift in lost
    )
    share = drifted_share(judged, importances)
    if share <= limits.drifted:
        return unknown
    worst = ", ".join(drift.feature for drift in judged[:3])
    return (*unknown, Finding(Gate.DRIFT, f"{share:.0%} of what the incumbent goes by has drifted, above all {worst}"))


def drifted_share(drifts: Sequence[Drift], importances: Mapping[str, float]) -> float:
    """The share of a model's gain that rests on drifted features. Of a feature with a column per category each counts alike."""
    columns = defaultdict[str, list[bool]](list)
    for drift in drifts:
        columns[_feature(drift.feature, importances)].append(drift.level is Level.DRIFTED)
    return sum(gain * sum(columns[name]) / len(columns[name]) for name, gain in importances.items() if columns.get(name))


def _feature(column: str, importances: Mapping[str, float]) -> str:
    """The feature that a column belongs to: its own name, or what stands before the category."""
    return column if column in importances else column.partition(".")[0]
