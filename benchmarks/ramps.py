"""`ramps`: a thousand rollouts in each of four worlds: a candidate as good as the incumbent, 5 % worse, broken, or driving people away.

Every week a letter goes to the whole list; who clicks depends on the person (rates are beta-distributed, so the same people click again),
on the season, and on the model that decided for them. After each letter the rollout is looked at once with the rules as they are by
default. A rollout ends when the candidate decides for everyone, when it is rolled back, or after a year.

- `false_rollback`: of candidates as good as the incumbent, the share rolled back. `promoted`: the share that took over.
- `false_promotion`: of candidates 5 % worse, the share that took over.
- `caught_by_5pct`: of candidates with half the clicks, the share rolled back while they decided for 5 % of the list at most.
- `unsubscribes_rolled_back`: of candidates that double unsubscribes and click alike, the share rolled back.
- `median_day`: the day on which half of the broken ones were rolled back; `days` the 10th, 50th and 90th percentile in each world.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import sin

import numpy as np

from benchmarks.registry import Figure, Measured
from domain.rollout import STAGES, Verdict
from experiments.ramp import Evidence, Metric, Rules, rule
from experiments.strata import Stratum, design_effect, of_events

RATE, CONCENTRATION, UNSUBSCRIBES = 0.05, 20.0, 0.002  # of clicks; how alike people are in it; of unsubscribes
WEEKS, PLANNED_WEEKS = 52, 10
_BEGAN = datetime(2026, 1, 5, 9, tzinfo=UTC)
_BY_FIVE_PERCENT = 1  # the stage


@dataclass(frozen=True, slots=True)
class World:
    """What the candidate does to clicks and unsubscribes: factors on the incumbent's."""

    clicks: float = 1.0
    unsubscribes: float = 1.0


@dataclass(frozen=True, slots=True)
class End:
    """How a rollout ended: `verdict` is HOLD if it never did. `stage` it was at, and the day."""

    verdict: Verdict
    stage: int
    day: int


WORLDS: Mapping[str, World] = {
    "alike": World(),
    "5 % worse": World(clicks=0.95),
    "broken": World(clicks=0.5),
    "drives people away": World(unsubscribes=2.0),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """Recipients on the list, and rollouts per world."""

    recipients: int
    ramps: int


FULL, QUICK = Plan(50_000, 1_000), Plan(50_000, 40)


def measure(*, quick: bool) -> Measured:
    """Run the benchmark."""
    return measured(QUICK if quick else FULL)


def measured(plan: Plan) -> Measured:
    """The figures of a plan."""
    ends = {name: [ramp(world, plan.recipients, seed) for seed in range(plan.ramps)] for name, world in WORLDS.items()}
    broken = ends["broken"]
    figures: dict[str, Figure] = {
        "false_rollback": _share(ends["alike"], Verdict.ROLL_BACK),
        "promoted": _share(ends["alike"], Verdict.ADVANCE),
        "false_promotion": _share(ends["5 % worse"], Verdict.ADVANCE),
        "caught_by_5pct": sum(end.verdict is Verdict.ROLL_BACK and end.stage <= _BY_FIVE_PERCENT for end in broken) / len(broken),
        "unsubscribes_rolled_back": _share(ends["drives people away"], Verdict.ROLL_BACK),
        "median_day": float(np.median([end.day for end in broken])),
        "days": {name: tuple(map(float, np.percentile([end.day for end in found], (10, 50, 90)))) for name, found in ends.items()},
    }
    return Measured({"recipients": plan.recipients, "ramps": plan.ramps, "rate": RATE, "looks_a_week": 1}, figures)


def ramp(world: World, recipients: int, seed: int) -> End:
    """One rollout to its end."""
    rng = np.random.default_rng(seed)
    person, place = rng.beta(RATE * CONCENTRATION, (1 - RATE) * CONCENTRATION, recipients), rng.random(recipients)
    rules = Rules(planned=float(recipients * PLANNED_WEEKS))
    clicks, leaving, residuals = list[Stratum](), list[Stratum](), list[np.ndarray]()
    stage, looks, since = 0, 0, _BEGAN
    for week in range(1, WEEKS + 1):
        candidate = place < STAGES[stage]
        clicked = rng.random(recipients) < person * (1 + 0.2 * sin(week / 4)) * np.where(candidate, world.clicks, 1.0)
        left = rng.random(recipients) < UNSUBSCRIBES * np.where(candidate, world.unsubscribes, 1.0)
        clicks.append(_stratum(clicked, candidate))
        leaving.append(_stratum(left, candidate))
        residuals.append(clicked - np.where(candidate, clicks[-1].candidate.mean, clicks[-1].incumbent.mean))
        at = _BEGAN + timedelta(days=7 * week)
        effects = {Metric.CLICKS: design_effect(residuals)}
        strata: dict[Metric, Sequence[Stratum]] = {Metric.CLICKS: clicks, Metric.UNSUBSCRIBES: leaving}
        verdict = rule(Evidence(at, stage, since, looks, Metric.CLICKS, strata, effects), rules).verdict
        looks += 1
        if verdict is Verdict.ROLL_BACK:
            return End(verdict, stage, 7 * week)
        if verdict is Verdict.ADVANCE:
            stage, looks, since = stage + 1, 0, at
        if stage == len(STAGES) - 1:
            return End(Verdict.ADVANCE, stage, 7 * week)
    return End(Verdict.HOLD, stage, 7 * WEEKS)


def _stratum(happened: np.ndarray, candidate: np.ndarray) -> Stratum:
    ours, theirs = int(candidate.sum()), int((~candidate).sum())
    return Stratum(of_events(ours, int(happened[candidate].sum())), of_events(theirs, int(happened[~candidate].sum())))


def _share(ends: Sequence[End], verdict: Verdict) -> float:
    return sum(end.verdict is verdict for end in ends) / len(ends)
