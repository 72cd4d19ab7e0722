"""The lift report: personalised letters against a holdout, over whole weeks, for all sends together and for each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from domain.campaign import Holdout
from domain.decision import Arm
from domain.ids import CampaignId, SendId
from experiments.lift import Lift, lift
from experiments.lift_figures import MINIMUM_WEEKS, OF_LETTERS, WORTH, Figure, figure
from experiments.lift_sources import VALUE_WITHIN, Period, Sources, opened
from experiments.lift_sums import Key, Measure, Sides, cohorts, draw_units, sizes_by_send, totals_by_send, weekly_totals
from experiments.statistics import SampleRatio, TooLittleData, sample_ratio
from experiments.totals import EMPTY, Totals

_ORDER = tuple(Measure)
_PERSONALISED = (Arm.INCUMBENT, Arm.CANDIDATE)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is about. `at`: what came in later is not in it; `wait_until`: what happened before that has come in."""

    campaigns: tuple[CampaignId, ...]
    holdout: Holdout
    period: Period
    at: datetime
    wait_until: datetime
    worth: float = WORTH
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CohortFigure:
    """The 90-day value of those whose first letter was in the week of this Monday. `found`: None until `closes_at`, or while blocked."""

    week: date
    currency: str
    recipients: int
    held_out: int
    closes_at: datetime
    found: Lift | TooLittleData | None


@dataclass(frozen=True, slots=True)
class ArmFigure:
    """One measure of one arm of a send, against the send's own holdout."""

    arm: Arm
    measure: Measure
    currency: str
    found: Lift | TooLittleData


@dataclass(frozen=True, slots=True)
class SendFigure:
    """One send, at one look. `sizes` by arm; no `figures` while its clicks still count, or blocked."""

    send_id: SendId
    campaign: CampaignId
    at: datetime
    counts_until: datetime
    sizes: Mapping[Arm, int]
    sample_ratio: SampleRatio
    figures: tuple[ArmFigure, ...]


@dataclass(frozen=True, slots=True)
class LiftReport:
    """`missing`: why there are no figures at all. `changed_sides`: recipients left out, whose new address put them on the other side."""

    asked: Asked
    recipients: int
    held_out: int
    sample_ratio: SampleRatio
    changed_sides: int
    missing: TooLittleData | None
    figures: tuple[Figure, ...]
    cohorts: tuple[CohortFigure, ...]
    sends: tuple[SendFigure, ...]

    @property
    def blocked(self) -> bool:
        """Whether the arms are not as large as they were drawn, so that nothing may be concluded."""
        return self.sample_ratio.is_off

    def of(self, *, guards: bool) -> tuple[Figure, ...]:
        """The gains, or the guardrails."""
        return tuple(one for one in self.figures if one.meaning.guards is guards)


def report(sources: Sources, asked: Asked, *, memory_mb: int | None = None) -> LiftReport:
    """The report from what was assigned and what happened. Pure: all instants are given."""
    empty = SampleRatio(1.0)
    if not sources.mailings:
        return LiftReport(asked, 0, 0, empty, 0, TooLittleData(("no letters were sent in this period",)), (), (), ())
    with opened(sources, memory_mb=memory_mb) as connection:
        return _reported(connection, sources, asked)


def _reported(connection: duckdb.DuckDBPyConnection, sources: Sources, asked: Asked) -> LiftReport:
    strays = draw_units(connection, asked.period)
    by_week = weekly_totals(connection, max(asked.period.weeks, 1))
    sizes = by_week[Measure.BOUGHT, ""][-1]
    n, held = sizes.treated.n, sizes.control.n
    ratio = sample_ratio({"personalised": n, "held out": held}, {"personalised": 1 - asked.holdout.share, "held out": asked.holdout.share})
    missing = _missing(asked)
    figures = () if missing else tuple(_figures(by_week, asked, blocked=ratio.is_off))
    return LiftReport(
        asked, n, held, ratio, strays, missing, figures, _cohorts(connection, asked, ratio), _sends(connection, sources, asked, ratio)
    )


def _missing(asked: Asked) -> TooLittleData | None:
    weeks = asked.period.weeks
    if not asked.holdout.share:
        return TooLittleData(("there is no holdout to compare with",))
    if weeks >= MINIMUM_WEEKS:
        return None
    known_at = asked.period.end_of(MINIMUM_WEEKS) + (asked.at - asked.wait_until)
    return TooLittleData((f"{weeks} whole weeks are over and all in, {MINIMUM_WEEKS} needed: on {known_at:%Y-%m-%d}, if letters go on",))


def _figures(by_week: Mapping[Key, tuple[Sides, ...]], asked: Asked, *, blocked: bool) -> list[Figure]:
    told = [(m, c) for m, c in by_week if asked.holdout.gets_letters or m not in OF_LETTERS]
    return [figure(m, c, by_week[m, c], blocked=blocked, worth=asked.worth) for m, c in sorted(told, key=_place)]


def _place(key: Key) -> tuple[int, str]:
    return _ORDER.index(key[0]), key[1]


def _cohorts(connection: duckdb.DuckDBPyConnection, asked: Asked, ratio: SampleRatio) -> tuple[CohortFigure, ...]:
    made = []
    for one in cohorts(connection):
        closes_at, n = one.last_at + VALUE_WITHIN, (one.sides.treated.n, one.sides.control.n)
        closed = closes_at <= asked.wait_until and not ratio.is_off
        made.append(CohortFigure(one.week, one.currency, *n, closes_at, lift(one.sides.treated, one.sides.control) if closed else None))
    return tuple(made)


def _sends(connection: duckdb.DuckDBPyConnection, sources: Sources, asked: Asked, ratio: SampleRatio) -> tuple[SendFigure, ...]:
    sizes, found = sizes_by_send(connection), totals_by_send(connection)
    made = []
    for one in sorted(sources.mailings, key=lambda one: one.at):
        if one.send_id in sizes:
            closed, of_send = one.at + one.window <= asked.wait_until, sizes[one.send_id]
            drawn = _drawn(of_send, asked.holdout)
            lifts = _by_arm(found.get(one.send_id, {}), asked) if closed and not drawn.is_off and not ratio.is_off else ()
            made.append(SendFigure(one.send_id, one.campaign, one.at, one.at + one.window, of_send, drawn, lifts))
    return tuple(made)


def _drawn(sizes: Mapping[Arm, int], holdout: Holdout) -> SampleRatio:
    held = sizes.get(Arm.HOLDOUT, 0)
    counts = {"held out": held, "others": sum(sizes.values()) - held}
    return sample_ratio(counts, {"held out": holdout.share, "others": 1 - holdout.share})


def _by_arm(totals: Mapping[Key, Mapping[Arm, Totals]], asked: Asked) -> tuple[ArmFigure, ...]:
    told = sorted((key for key in totals if asked.holdout.gets_letters or key[0] not in OF_LETTERS), key=_place)
    return tuple(
        ArmFigure(arm, *key, lift(totals[key][arm], totals[key].get(Arm.HOLDOUT, EMPTY)))
        for arm in _PERSONALISED
        for key in told
        if arm in totals[key]
    )
