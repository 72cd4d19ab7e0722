"""Two forests, one choice: trained with position as an offset, and naively; held-out decisions choose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from domain.decision import Arm
from domain.hashing import keys_of, uniforms
from ranking.debiasing import Examination, Exposures, PositionTraining, harvest, prior_examination, seen_examination
from ranking.layout import Layout
from ranking.specification import Objective, TrainingSpec
from ranking.splitting import Mask
from ranking.training.booster import Forest, fit_forest, raw_scores, refit_forest
from ranking.training.design import Design
from ranking.training.held_out import HeldOutSlates

Doubles = npt.NDArray[np.float64]

_HALF = 0.5
_SLOPES = (0.0, 3.0)
_UNSEEN = -1e3  # log θ of an empty position
_HARVEST_TREES = 40


@dataclass(frozen=True, slots=True)
class Chosen:
    """θ, the forests of both ways, which of them held-out decisions chose, and each way's deviance there (lower is better; see
    `_deviance`). With one position there is one way and nothing to choose."""

    examination: Examination
    forests: Mapping[PositionTraining, Forest]
    training: PositionTraining
    deviances: Mapping[PositionTraining, float]

    @property
    def forest(self) -> Forest:
        """The chosen one."""
        return self.forests[self.training]


@dataclass(frozen=True, slots=True)
class Workshop:
    """The decisions at hand and how to train on them. `rows` stand row by row with the design; masks are bool[n]. `slates` are the
    held-out ones, by placement."""

    design: Design
    rows: pd.DataFrame
    layout: Layout
    objective: Objective
    spec: TrainingSpec
    training: Mask
    validation: Mask
    held_out: Mask
    slates: tuple[HeldOutSlates, ...] = ()

    @property
    def propensity(self) -> Doubles:
        """Logged marginals float64[n], NaN if unknown."""
        return np.asarray(self.rows["propensity"].to_numpy(dtype=np.float64, na_value=np.nan))

    def fit(self, theta: tuple[float, ...], training: Mask, validation: Mask, trees: int | None = None) -> Forest:
        """A forest with the given offsets."""
        spec = replace(self.spec, trees=trees or self.spec.trees)
        parts = self.design.part(training), self.design.part(validation)
        return fit_forest(*parts, self.layout, objective=self.objective, theta=theta, spec=spec)

    def refit(self, chosen: Chosen) -> Forest:
        """The chosen forest's like, made of all rows: held-out ones are the latest, and only they tell of the latest variants."""
        trees, theta = chosen.forest.trees, theta_for(chosen)
        return refit_forest(self.design, self.layout, objective=self.objective, theta=theta, spec=self.spec, trees=trees)

    def log_rates(self, forest: Forest, mask: Mask) -> Doubles:
        """A forest's log-rates for some rows."""
        return raw_scores(forest.text, self.design.matrix[mask], threads=self.spec.threads) + forest.base


def theta_for(chosen: Chosen) -> tuple[float, ...]:
    """The offsets by which the chosen forest was made."""
    return chosen.examination.theta if chosen.training is PositionTraining.OFFSET else (1.0,)


def fit_best(workshop: Workshop) -> Chosen:
    """Harvest θ if there are several positions, then train both ways; with one position, or where all that was decided is known to have
    been seen, there is nothing to choose."""
    positions = int(workshop.design.position.max())
    if positions == 1 or workshop.design.seen.all():
        only = workshop.fit((1.0,), workshop.training, workshop.validation)
        examination = prior_examination(1) if positions == 1 else seen_examination(positions)
        return Chosen(examination, {PositionTraining.NAIVE: only}, PositionTraining.NAIVE, {})
    examination = harvest_from(workshop, positions)
    thetas = {PositionTraining.OFFSET: examination.theta, PositionTraining.NAIVE: (1.0,)}
    forests = {way: workshop.fit(theta, workshop.training, workshop.validation) for way, theta in thetas.items()}
    deviances = {way: _deviance(workshop.slates, forest, examination.theta) for way, forest in forests.items()}
    return Chosen(examination, forests, min(PositionTraining, key=lambda way: deviances[way]), deviances)


def harvest_from(workshop: Workshop, positions: int) -> Examination:
    """θ from placements of several positions, without held-out rows and the holdout, whose slate was certain. What was seen for certain
    says nothing of how likely that is.

    Whatever the goal, it is learnt from whether anything came of a decision: looking is looking, and most outcomes are clicks.
    """
    several = workshop.rows.groupby("placement")["position"].transform("max") > 1
    holdout = (workshop.rows["arm"] == Arm.HOLDOUT).to_numpy(dtype=bool, na_value=False)
    counted = replace(workshop, objective=Objective.POISSON)
    answered = workshop.rows["answered"].to_numpy(dtype=np.float64)
    expected = _expected(counted, answered, prior_examination(positions).theta)
    leaning = _expected(counted, workshop.design.position.astype(np.float64), (1.0,))
    recipient = pd.factorize(workshop.rows["recipient_id"])[0].astype(np.int64)
    exposures = Exposures(answered, workshop.design.position, workshop.propensity, expected, leaning, recipient)
    return harvest(exposures.part(~workshop.held_out & several.to_numpy() & ~holdout & ~workshop.design.seen), positions)


def _expected(workshop: Workshop, label: Doubles, theta: tuple[float, ...]) -> Doubles:
    """What a small forest expects of the label at position 1, for each recipient one that has not seen them: float64[n]. 1 throughout
    where the half to learn from has none of it."""
    labelled = replace(workshop, design=replace(workshop.design, label=label))
    fold = _fold(workshop.rows["recipient_id"], "harvest-fold")
    expected = np.ones(len(fold))
    for half in (fold, ~fold):
        training, validation = workshop.training & ~half, workshop.validation & ~half
        if label[training].any() and label[validation].any():
            forest = labelled.fit(theta, training, validation, _HARVEST_TREES)
            expected[half] = np.exp(labelled.log_rates(forest, half))
    return expected


def _deviance(parts: Sequence[HeldOutSlates], forest: Forest, theta: tuple[float, ...]) -> float:
    """How badly a forest tells where in a slate the outcomes came about: −2 mean log p, weighted by outcome, with p the softmax over
    positions of slope · log-rate + log θ.

    Given what was shown, this is the likelihood of the examination model whatever the logger was; neither its propensities nor the
    level of the rates come into it. The slope is the best for the forest: order is judged, not calibration. 0 without outcomes.
    """
    several = [part for part in parts if part.slates.positions > 1]
    shown = [(part.slates.reward, part.slates.at_item(part.log_rates(forest)), _log_theta(part, theta)) for part in several]
    total = sum(float(reward.sum()) for reward, _, _ in shown)
    if total <= 0:
        return 0.0

    def at(slope: float) -> float:
        return -2 * sum(float((reward * log_softmax(slope * rate + offset, axis=1)).sum()) for reward, rate, offset in shown) / total

    return float(minimize_scalar(at, bounds=_SLOPES, method="bounded").fun)


def _log_theta(part: HeldOutSlates, theta: tuple[float, ...]) -> Doubles:
    """log θ by position, float64[n, K]; where nothing was shown nothing was looked at."""
    return np.where(part.slates.filled, np.log(part.slates.examined(theta)), _UNSEEN)


def _fold(recipient_id: pd.Series, salt: str) -> npt.NDArray[np.bool_]:
    return np.asarray(uniforms(keys_of(recipient_id), salt) < _HALF)
