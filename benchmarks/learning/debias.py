"""`debias`: whether training that knows of positions finds what people like, although the past put it where they do not look.

For every world and seed a click log is drawn (`simulator/click_logs.py`: ten variants per letter, ordered for each recipient by a logger
that is right, or wrong), and Letterpress trains on it: its features, its θ, both its forests and its choice between them. Orders
are judged by NDCG@5 under true rates, for newcomers to whom the next sends show variants of the same pool. Per world, means over seeds:

- `ndcg5`: `debiased` and `naive` are the two forests, `chosen` the one that held-out decisions preferred; `oracle` is the same forest
  trained on true rates in place of clicks, on the same rows: what is lost to it is lost to noise and bias, not to features.
- `below_oracle`, `ahead_of_naive`: of the chosen, mean and worst over seeds. `debiased_chosen`: in how many seeds.
- `theta_rel_rmse`: √ of the mean of (θ̂ / θ − 1)² over positions, mean over worlds and seeds; `theta` has each world's mean, worst,
  and the share of 95 % limits that held the true θ.
- `variations`: the same for worlds with other θ, and for letters that show five of fifteen variants. There the naive forest is hardly
  misled by position: what the logger did not show at all is missing for both.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.own_process import FailedMeasurementError
from benchmarks.registry import Figure, Measured
from ranking.debiasing import Examination, PositionTraining
from ranking.features.compute import compute_features, serving_spine
from ranking.policies.ndcg import ndcg
from ranking.scoring.scorer import score
from ranking.specification import FeatureSpec, TrainingSpec
from ranking.training.booster import Forest
from ranking.training.choosing import fit_best
from ranking.training.held_out import BareForest
from ranking.training.preparation import Prepared, TrainingRequest, prepare
from simulator.click_logs import ClickLog, Logger, LogShape, draw_log

Doubles = npt.NDArray[np.float64]

NEWCOMERS, NEXT_SENDS, WEEKS = 3_000, 15, 8

# A shape's recipients are set by the plan.
WORLDS = {"wrong logger": LogShape(Logger.WRONG, 0), "aligned logger": LogShape(Logger.ALIGNED, 0)}
VARIATIONS = {
    "wrong logger, low positions looked at": LogShape(Logger.WRONG, 0, decay=0.5),
    "wrong logger, low positions hardly looked at": LogShape(Logger.WRONG, 0, decay=2.0),
    "wrong logger, 5 of 15 shown": LogShape(Logger.WRONG, 0, positions=5, candidates=15),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure: recipients of a world (8 letters each), and seeds of the worlds and of their variations."""

    recipients: int
    seeds: int
    variation_seeds: int


FULL = Plan(12_500, 10, 3)
QUICK = Plan(1_250, 1, 1)


@dataclass(frozen=True, slots=True)
class Found:
    """What one log led to: NDCG@5 of the oracle and of both forests, which one was chosen, and θ beside the truth."""

    oracle: float
    ndcg: Mapping[PositionTraining, float]
    training: PositionTraining
    examination: Examination
    truth: tuple[float, ...]
    clicks: int

    @property
    def chosen(self) -> float:
        """NDCG@5 of the chosen forest."""
        return self.ndcg[self.training]

    @property
    def ahead(self) -> float:
        """How far the chosen forest is ahead of the naive one."""
        return self.chosen - self.ndcg[PositionTraining.NAIVE]

    @property
    def error(self) -> float:
        """Relative root mean square error of θ."""
        return float(np.sqrt(np.mean((np.asarray(self.examination.theta) / np.asarray(self.truth) - 1) ** 2)))

    @property
    def covered(self) -> float:
        """Share of the positions beyond the first whose limits hold the truth."""
        limits = zip(self.examination.low, self.truth, self.examination.high, strict=True)
        return float(np.mean([low <= theta <= high for low, theta, high in list(limits)[1:]]))


def measure(*, quick: bool) -> Measured:
    """Every world and seed, one after the other, on one thread."""
    plan = QUICK if quick else FULL
    worlds = {name: _learn_all(shape, plan.recipients, plan.seeds) for name, shape in WORLDS.items()}
    variations = {name: _learn_all(shape, plan.recipients, plan.variation_seeds) for name, shape in VARIATIONS.items()}
    sizes: dict[str, Figure] = {
        "seeds": plan.seeds, "seeds_of_variations": plan.variation_seeds, "slates": plan.recipients * WEEKS,
        "newcomers": NEWCOMERS, "clicks": {name: int(np.mean([one.clicks for one in seeds])) for name, seeds in worlds.items()},
    }  # fmt: skip
    return Measured(sizes, figures_of(worlds) | {"variations": figures_of(variations)})


def _learn_all(shape: LogShape, recipients: int, seeds: int) -> list[Found]:
    return [learn(replace(shape, recipients=recipients, weeks=WEEKS), seed) for seed in range(seeds)]


def learn(shape: LogShape, seed: int) -> Found:
    """Draw a log, train on it, and judge by the truth. FailedMeasurementError if the log is too little to train on."""
    return learn_from(draw_log(shape, seed), seed)


def learn_from(log: ClickLog, seed: int) -> Found:
    """Train on a log, and judge by its truth. FailedMeasurementError if it is too little to train on."""
    shape = log.shape
    request = TrainingRequest(shape.until, FeatureSpec(log.attributes, log.variants), TrainingSpec())
    prepared = prepare(log.history, log.recipients, request)
    if not isinstance(prepared, Prepared):
        raise FailedMeasurementError(str(prepared))
    chosen = fit_best(prepared.workshop)
    judge = _Judge(log, prepared, seed)
    by_way = {way: judge.ndcg(forest) for way, forest in chosen.forests.items()}
    rows = prepared.parts.rows
    figures = judge.ndcg(_oracle(log, prepared)), by_way, chosen.training, chosen.examination
    return Found(*figures, shape.theta, int(rows["label"].sum()))


def _oracle(log: ClickLog, prepared: Prepared) -> Forest:
    """A forest from the true rates of the very rows that the others had clicks for."""
    rows = prepared.parts.rows
    recipient = pd.Index(log.recipients["recipient_id"]).get_indexer(pd.Index(rows["recipient_id"]))
    variant = pd.Index([v.variant for v in log.variants]).get_indexer(pd.Index(rows["variant"]))
    truth = log.rates(log.recipients, log.variants)[recipient, variant]
    workshop = replace(prepared.workshop, design=replace(prepared.workshop.design, label=truth))
    return workshop.fit((1.0,), workshop.training, workshop.validation)


class _Judge:
    """Newcomers, the variants that their next send could show them, and their true rates."""

    def __init__(self, log: ClickLog, prepared: Prepared, seed: int) -> None:
        newcomers, rng = log.newcomers(NEWCOMERS, seed), np.random.default_rng([seed, 3])
        sends = [rng.permutation(len(log.variants))[: log.shape.candidates] for _ in range(NEXT_SENDS)]
        self._offered = np.stack(sends)[np.arange(NEWCOMERS) % NEXT_SENDS]
        self._truth = np.take_along_axis(log.rates(newcomers, log.variants), self._offered, axis=1)
        self._features = compute_features(serving_spine(newcomers, log.shape.until), log.history, prepared.parameters, threads=1)
        self._log, self._parameters = log, prepared.parameters

    def ndcg(self, forest: Forest) -> float:
        """Mean NDCG@5 of the forest's order."""
        scorable = BareForest.of(forest, self._parameters)
        scores = score(scorable, self._features, self._log.variants, self._log.shape.until).astype(np.float64)
        return float(ndcg(np.take_along_axis(scores, self._offered, axis=1), self._truth).mean())


def figures_of(found: Mapping[str, Sequence[Found]]) -> dict[str, Figure]:
    """The figures of the issue, and how they spread."""
    every = [one for seeds in found.values() for one in seeds]
    return {
        "ndcg5": {name: _ndcg5(seeds) for name, seeds in found.items()},
        "below_oracle": {name: _spread((one.oracle - one.chosen for one in seeds), max) for name, seeds in found.items()},
        "ahead_of_naive": {name: _spread((one.ahead for one in seeds), min) for name, seeds in found.items()},
        "debiased_chosen": {name: sum(one.training is PositionTraining.OFFSET for one in seeds) for name, seeds in found.items()},
        "theta_rel_rmse": float(np.mean([one.error for one in every])),
        "theta": {name: _theta(seeds) for name, seeds in found.items()},
    }


def _ndcg5(seeds: Sequence[Found]) -> dict[str, Figure]:
    return {
        "oracle": float(np.mean([one.oracle for one in seeds])),
        "debiased": float(np.mean([one.ndcg[PositionTraining.OFFSET] for one in seeds])),
        "naive": float(np.mean([one.ndcg[PositionTraining.NAIVE] for one in seeds])),
        "chosen": float(np.mean([one.chosen for one in seeds])),
    }


def _theta(seeds: Sequence[Found]) -> dict[str, Figure]:
    return _spread((one.error for one in seeds), max) | {"covered": float(np.mean([one.covered for one in seeds]))}


def _spread(values: Iterable[float], worst: Callable[[Iterable[float]], float]) -> dict[str, Figure]:
    known = list(values)
    return {"mean": float(np.mean(known)), "worst": float(worst(known))}
