"""Whether a candidate goes on, waits or goes back: one look at a rollout, from sums per send and arm. Pure.

Harm is established when a confidence sequence excludes that there is none, so looking often costs nothing. The primary metric has a
chance of 5 % for both directions together; the guardrails share another 5 %.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from domain.rollout import STAGES, Verdict
from experiments.sequential import sequence
from experiments.statistics import LEVEL, Interval, TooLittleData
from experiments.strata import NOTHING, Gap, Stratum, gap


class Metric(StrEnum):
    """What is compared. The primary metric is CLICKS, CONVERSIONS or REVENUE, by the campaign's goal."""

    CLICKS = "clicks"
    CONVERSIONS = "conversions"
    REVENUE = "revenue"
    UNSUBSCRIBES = "unsubscribes"
    COMPLAINTS = "complaints"
    BOUNCES = "bounces"
    DIVERSITY = "diversity"  # entropy (nats) of the categories in a recipient's letter


NO_VERDICT = "no verdict"  # how the reason begins where the arms are not what they should be
LESS_IS_BETTER = frozenset({Metric.UNSUBSCRIBES, Metric.COMPLAINTS, Metric.BOUNCES})
GUARDRAILS = (Metric.UNSUBSCRIBES, Metric.COMPLAINTS, Metric.BOUNCES, Metric.REVENUE, Metric.DIVERSITY)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a stage needs before the next one. `margin`: relative loss of the primary metric below which a candidate may take over.

    `planned`: recipients and sends over the whole ramp, as foreseen; the sequences are narrowest at half of it. `diversity_loss`: relative
    fall of the mix up to which nothing is made of it, for two models never mix alike. `slowdown`: how many times as long a decision may
    take. `serving_p99_ms`: 99th percentile up to which pages may be answered. `watch_time`: how long the last stage lasts at least.
    """

    planned: float
    stages: tuple[float, ...] = STAGES
    stage_time: timedelta = timedelta(days=7)
    looks: int = 2
    margin: float = 0.05
    level: float = LEVEL
    diversity_loss: float = 0.1
    slowdown: float = 3.0
    serving_p99_ms: float = 5.0
    watch_time: timedelta = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known at a look, over matured outcomes and human events only. `looks` were taken at this stage before."""

    at: datetime
    stage: int
    stage_since: datetime
    looks: int
    primary: Metric
    strata: Mapping[Metric, Sequence[Stratum]]
    design_effects: Mapping[Metric, float] = field(default_factory=dict)
    mismatch: str | None = None  # a sample ratio that cannot be chance: no verdict holds
    served_p99_ms: float | None = None  # how fast pages are answered at present; None: none are, or too few to say
    slowness: float | None = None  # how many times as long the candidate's decisions took; None: too few to say


@dataclass(frozen=True, slots=True)
class Seen:
    """One metric at one look: candidate minus incumbent, absolute, with its confidence sequence."""

    metric: Metric
    found: Gap
    interval: Interval | TooLittleData
    tolerated: float = 0.0  # loss, absolute, of which nothing is made

    @property
    def harm(self) -> bool:
        """Whether harm is established."""
        if isinstance(self.interval, TooLittleData):
            return False
        return self.interval.low > 0 if self.metric in LESS_IS_BETTER else self.interval.high < -self.tolerated


@dataclass(frozen=True, slots=True)
class Ruling:
    """The verdict of a look, its reasons, and what it rests on."""

    verdict: Verdict
    reasons: tuple[str, ...]
    seen: tuple[Seen, ...]


def rule(evidence: Evidence, rules: Rules) -> Ruling:
    """Roll back on established harm; advance when the stage has had its time, looks and data; else hold. The last step needs proof too."""
    seen = tuple(_seen(metric, evidence, rules) for metric in _watched(evidence))
    if evidence.mismatch:
        return Ruling(Verdict.HOLD, (f"{NO_VERDICT}: {evidence.mismatch}",), seen)
    if harmful := [one for one in seen if one.harm]:
        return Ruling(Verdict.ROLL_BACK, tuple(_told(one) for one in harmful), seen)
    waiting = tuple(_waits_for(evidence, rules, next(one for one in seen if one.metric is evidence.primary)))
    return Ruling(Verdict.HOLD, waiting, seen) if waiting else Ruling(Verdict.ADVANCE, (_NOTHING_AGAINST,), seen)


def watch(evidence: Evidence, rules: Rules, sends: int) -> Ruling:
    """At the last stage: roll back on established harm, hold until its time is up and a send of this stage was seen, else promote.

    `sends`: how many of the sends in the evidence were opened at this stage.
    """
    found = rule(evidence, rules)
    if found.verdict is Verdict.ROLL_BACK or evidence.mismatch:
        return found
    missing = list(_too_slow(evidence, rules))
    if (until := evidence.stage_since + rules.watch_time) > evidence.at:
        missing.append(f"it is watched until {until:%Y-%m-%d %H:%M} UTC at least")
    if not sends:
        missing.append("no send of this stage has matured yet: a watch that saw nothing is none")
    verdict = Verdict.HOLD if missing else Verdict.ADVANCE
    return Ruling(verdict, tuple(missing) or (_NOTHING_AGAINST,), found.seen)


_NOTHING_AGAINST = "nothing speaks against it"


def _watched(evidence: Evidence) -> list[Metric]:
    return [evidence.primary, *(metric for metric in GUARDRAILS if metric is not evidence.primary and metric in evidence.strata)]


def _seen(metric: Metric, evidence: Evidence, rules: Rules) -> Seen:
    found = gap(evidence.strata.get(metric, ()), evidence.design_effects.get(metric, 1.0))
    if found is None:
        return Seen(metric, NOTHING, TooLittleData(("no send yet in which both models decided",)))
    others = len(_watched(evidence)) - 1
    level = rules.level if metric is evidence.primary else 1.0 - (1.0 - rules.level) / max(others, 1)
    tolerated = rules.diversity_loss * found.reference if metric is Metric.DIVERSITY else 0.0
    return Seen(metric, found, sequence(found, rules.planned / 2, level), tolerated)


def _waits_for(evidence: Evidence, rules: Rules, primary: Seen) -> list[str]:
    """What is missing before the next stage, in words."""
    missing = list(_too_slow(evidence, rules))
    if (until := evidence.stage_since + rules.stage_time) > evidence.at:
        missing.append(f"this stage lasts until {until:%Y-%m-%d %H:%M} UTC at least")
    if evidence.looks + 1 < rules.looks:
        missing.append(f"{evidence.looks + 1} of {rules.looks} looks were taken")
    if isinstance(primary.interval, TooLittleData):
        missing.extend(primary.interval.missing)
    elif _is_last_step(evidence, rules) and primary.interval.low <= -rules.margin * primary.found.reference:
        lowest = primary.interval.low / primary.found.reference
        missing.append(f"{primary.metric} may still be {-lowest:.1%} below the incumbent's; no more than {rules.margin:.0%} is allowed")
    return missing


def _too_slow(evidence: Evidence, rules: Rules) -> Iterator[str]:
    """A slow model harms no reader, so it is held and not rolled back. How fast pages are answered is nothing that a model decides, for
    nothing is decided then: it is no time to change anything, though."""
    if evidence.slowness is not None and evidence.slowness > rules.slowdown:
        yield f"its decisions take {evidence.slowness:.1f} times as long as the incumbent's; no more than {rules.slowdown:g} is allowed"
    if evidence.served_p99_ms is not None and evidence.served_p99_ms > rules.serving_p99_ms:
        yield f"pages are answered slowly: p99 {evidence.served_p99_ms:.1f} ms; no more than {rules.serving_p99_ms:g} ms is allowed"


def _is_last_step(evidence: Evidence, rules: Rules) -> bool:
    """Whether the next stage hands everyone over."""
    return evidence.stage + 1 >= len(rules.stages) - 1


def _told(one: Seen) -> str:
    assert isinstance(one.interval, Interval)  # noqa: S101 - harm is only established by one
    relative = f" ({one.found.estimate / one.found.reference:+.0%})" if one.found.reference else ""
    limits = f"{one.interval.low:+.4g} to {one.interval.high:+.4g}"
    return f"harm is established: {one.metric} per recipient changed by {one.found.estimate:+.4g}{relative}, {limits} at any look"
