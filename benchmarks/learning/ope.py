"""`ope`: do the intervals of off-policy evaluation hold the truth, in worlds where it is known exactly?

Logs are drawn from worlds of `ope_worlds.py` by the product's own policy with its logged propensities, and judged by the product
(`ranking.policies.judging`): what was logged, random, a default, every variant first, the best fixed ranking and popularity (chosen on
the log itself), and a model, strictly and drawn. A verdict that is refused ("cannot tell") makes no claim and is counted, not judged.

- `coverage`: share of 95 % intervals that hold the truth, by estimator, over all worlds in which clicks follow the position, all sizes,
  logs and policies; `paired difference` is that of the comparisons. `lowest_coverage`: the worst world, size and policy, told in most logs.
- `refused_share`: share of policies for which the answer was "cannot tell"; `refused_by_recipients` by size of log.
- `bias` (mean) and `half_width` (median) are relative to the truth.
- `wrong_verdicts`: share of comparisons that call the poorer policy better.
- `cascade`: the same where reading stops at a click, so that item-position weights and the doubly robust estimate are off and prefix
  weights are right; `trusted` is what verdicts rest on.
- `seen_as_cascade`: share of logs of which the product said that clicks depend on what stands above.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.learning.ope_worlds import (
    CASCADE,
    POSITIONS,
    SENDS,
    SETTINGS,
    THETA,
    TYPES,
    VARIANTS,
    Log,
    Setting,
    World,
    make_log,
    make_world,
)
from benchmarks.registry import Figure, Measured
from ranking.policies.estimators import Estimate, Support
from ranking.policies.judging import BEST, LOGGED, MODEL, POPULAR, Bench, fold_of, judge_all, policies_of, tempered
from ranking.policies.verdicts import Judged, Verdict, compare

TEMPERATURE = 0.5
DEFAULT = ("v1", "v2", "v3")
PAIRS = ((MODEL, BEST), (tempered(MODEL), POPULAR), (tempered(MODEL), LOGGED))
ITEM, ROBUST, PREFIX, PAIRED, TRUSTED = "item-position IPS", "doubly robust", "prefix IPS", "paired difference", "trusted"
ESTIMATORS = (ITEM, ROBUST, PREFIX, TRUSTED, PAIRED)
FIRST_LOG = 10_000  # seeds


@dataclass(frozen=True, slots=True)
class Plan:
    """Recipients by size of log (each gets two letters), and how many logs of each world and size."""

    recipients: tuple[int, ...]
    logs: int


FULL = Plan((2_000, 10_000), 200)
QUICK = Plan((2_000, 6_000), 12)


@dataclass(frozen=True, slots=True)
class Told:
    """One estimate of one policy on one log, against the truth. `cell` is the world, size and policy."""

    cell: tuple[str, int, str]
    estimator: str
    refused: bool
    covered: bool
    error: float
    half_width: float


@dataclass(frozen=True, slots=True)
class Found:
    """What logs told: estimates, refusals by size, whether a log was seen as a cascade, whether a verdict was wrong."""

    estimates: tuple[Told, ...]
    refused: Mapping[int, tuple[bool, ...]]
    as_cascade: tuple[bool, ...]
    wrong: tuple[bool, ...]


def measure(*, quick: bool) -> Measured:
    """Judge the logs."""
    plan = QUICK if quick else FULL
    figures = figures_of(found_in(SETTINGS, plan), found_in({"cascade": CASCADE}, plan), tuple(SETTINGS))
    sizes: dict[str, Figure] = {
        "logs_per_world_and_size": plan.logs, "worlds": len(SETTINGS) + 1, "recipients": ", ".join(map(str, plan.recipients)),
        "letters_per_recipient": SENDS, "positions": POSITIONS, "variants": VARIANTS,
    }  # fmt: skip
    return Measured(sizes, figures)


def figures_of(by_position: Found, cascade: Found, worlds: Sequence[str]) -> dict[str, Figure]:
    """The figures that the module's text explains."""
    every = [refused for logs in by_position.refused.values() for refused in logs]
    return _figures(by_position) | {
        "refused_share": float(np.mean(every)),
        "refused_by_recipients": {str(size): float(np.mean(refused)) for size, refused in by_position.refused.items()},
        "seen_as_cascade": float(np.mean(by_position.as_cascade)),
        "wrong_verdicts": float(np.mean(by_position.wrong)),
        "coverage_by_world": {name: _coverage(by_position, name) for name in worlds},
        "cascade": _figures(cascade) | {"seen_as_cascade": float(np.mean(cascade.as_cascade))},
    }


def found_in(settings: Mapping[str, Setting], plan: Plan) -> Found:
    """Judge `plan.logs` logs of each world and size."""
    estimates: list[Told] = []
    refused: dict[int, list[bool]] = defaultdict(list)
    as_cascade: list[bool] = []
    wrong: list[bool] = []
    for name, setting in settings.items():
        world = make_world(setting, seed=1)
        for size in plan.recipients:
            for number in range(plan.logs):
                judged, truth = _judged(world, make_log(world, size, FIRST_LOG + number), size)
                estimates += [told for role in judged for told in _told((name, size, role), judged[role], truth[role])]
                refused[size] += [bool(one.trusted.support.reasons) for one in judged.values()]
                as_cascade.append(judged[LOGGED].by_prefix)
                paired = [_paired((name, size, " - ".join(pair)), judged, truth, pair) for pair in PAIRS]
                estimates += [told for told, _ in paired]
                wrong += [lie for _, lie in paired]
    return Found(tuple(estimates), {size: tuple(logs) for size, logs in refused.items()}, tuple(as_cascade), tuple(wrong))


def _judged(world: World, log: Log, recipients: int) -> tuple[dict[str, Judged], dict[str, float]]:
    """Every policy on a log, and its true value. What was chosen on the log (per half of the recipients) is valued as it was chosen."""
    bench = Bench(log.slates, THETA, recipients, {MODEL: world.model[log.kind]}, TEMPERATURE, DEFAULT)
    halves = fold_of(log.slates)
    truth = {LOGGED: world.value(world.logging, drawn=True, explore=world.setting.explore)}
    for role, policy in policies_of(bench).items():
        truth[role] = 0.0
        for half in (halves, ~halves):
            preference = np.zeros((TYPES, VARIANTS))
            preference[log.kind[half]] = policy.preference[half]
            truth[role] += float(half.mean()) * world.value(preference, drawn=policy.drawn)
    return judge_all(bench), truth


def _told(cell: tuple[str, int, str], judged: Judged, truth: float) -> Iterator[Told]:
    position, prefix, trusted = judged.item_position, judged.prefix, judged.trusted
    yield _one(cell, ITEM, position.estimate, position.support, truth)
    yield _one(cell, TRUSTED, trusted.estimate, trusted.support, truth)
    if prefix:
        yield _one(cell, PREFIX, prefix.estimate, prefix.support, truth)
    if judged.doubly_robust:
        yield _one(cell, ROBUST, judged.doubly_robust, position.support, truth)


def _one(cell: tuple[str, int, str], estimator: str, estimate: Estimate, support: Support, truth: float) -> Told:
    interval = estimate.interval
    covered = interval.low <= truth <= interval.high
    return Told(cell, estimator, bool(support.reasons), covered, estimate.value / truth - 1, (interval.high - interval.value) / truth)


def _paired(
    cell: tuple[str, int, str], judged: Mapping[str, Judged], truth: Mapping[str, float], pair: tuple[str, str]
) -> tuple[Told, bool]:
    """The difference of two policies, relative to the value of the second; and whether the verdict says the contrary of the truth."""
    found, difference = compare(judged, pair), truth[pair[0]] - truth[pair[1]]
    base, interval = truth[pair[1]], found.difference
    covered = interval.low <= difference <= interval.high
    refused = found.verdict is Verdict.CANNOT_TELL
    told = Told(cell, PAIRED, refused, covered, (interval.value - difference) / base, (interval.high - interval.value) / base)
    return told, (found.verdict is Verdict.BETTER and difference < 0) or (found.verdict is Verdict.WORSE and difference > 0)


def _figures(found: Found) -> dict[str, Figure]:
    told = {name: [t for t in found.estimates if t.estimator == name and not t.refused] for name in ESTIMATORS}
    return {
        "coverage": _coverage(found),
        "lowest_coverage": {name: _lowest(found, name) for name in ESTIMATORS},
        "bias": {name: float(np.mean([t.error for t in ts])) for name, ts in told.items() if ts},
        "half_width": {name: float(np.median([t.half_width for t in ts])) for name, ts in told.items() if ts},
    }


def _coverage(found: Found, world: str | None = None) -> dict[str, Figure]:
    """Of what was told, in one world or all; None where nothing was."""
    out: dict[str, Figure] = {}
    for name in ESTIMATORS:
        covered = [t.covered for t in found.estimates if t.estimator == name and not t.refused and world in {None, t.cell[0]}]
        out[name] = float(np.mean(covered)) if covered else None
    return out


def _lowest(found: Found, estimator: str) -> float | None:
    """Of the cells in which most logs were told: where few are, they are those with the most luck."""
    cells: dict[tuple[str, int, str], list[Told]] = defaultdict(list)
    for told in found.estimates:
        if told.estimator == estimator:
            cells[told.cell].append(told)
    often = [[t.covered for t in ts if not t.refused] for ts in cells.values() if np.mean([t.refused for t in ts]) < 0.5]
    return min((float(np.mean(covered)) for covered in often), default=None)
