"""Two forests, one choice: trained with position as an offset, and naively; held-out decisions choose."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.hashing import keys_of, uniforms
from ranking.booster import Forest, fit_forest, raw_scores
from ranking.calibration import fit_calibration
from ranking.debiasing import Examination, Exposures, PositionTraining, harvest, inverse_propensities, prior_examination
from ranking.design import Design
from ranking.layout import Layout
from ranking.metrics import poisson_deviance
from ranking.specification import Objective, TrainingSpec
from ranking.splitting import Mask

Doubles = npt.NDArray[np.float64]

_HALF = 0.5
_HARVEST_TREES = 40


@dataclass(frozen=True, slots=True)
class Chosen:
    """The forest that held-out decisions chose, θ, and each way's held-out deviance under inverse propensities (lower is better)."""

    forest: Forest
    training: PositionTraining
    examination: Examination
    deviances: Mapping[PositionTraining, float]


@dataclass(frozen=True, slots=True)
class Workshop:
    """The decisions at hand and how to train on them. `rows` stand row by row with the design; masks are bool[n]."""

    design: Design
    rows: pd.DataFrame
    layout: Layout
    objective: Objective
    spec: TrainingSpec
    training: Mask
    validation: Mask
    held_out: Mask

    @property
    def propensity(self) -> Doubles:
        """Logged marginals float64[n], NaN if unknown."""
        return np.asarray(self.rows["propensity"].to_numpy(dtype=np.float64, na_value=np.nan))

    def fit(self, theta: tuple[float, ...], training: Mask, validation: Mask, trees: int | None = None) -> Forest:
        """A forest with the given offsets."""
        spec = replace(self.spec, trees=trees or self.spec.trees)
        parts = self.design.part(training), self.design.part(validation)
        return fit_forest(*parts, self.layout, objective=self.objective, theta=theta, spec=spec)

    def log_rates(self, forest: Forest, mask: Mask) -> Doubles:
        """A forest's log-rates for some rows."""
        return raw_scores(forest.text, self.design.matrix[mask], threads=self.spec.threads) + forest.base


def fit_best(workshop: Workshop) -> Chosen:
    """Harvest θ if there are several positions, then train both ways; with one position there is nothing to choose."""
    positions = int(workshop.design.position.max())
    if positions == 1:
        only = workshop.fit((1.0,), workshop.training, workshop.validation)
        return Chosen(only, PositionTraining.NAIVE, prior_examination(1), {})
    examination = _harvest(workshop, positions)
    thetas = {PositionTraining.OFFSET: examination.theta, PositionTraining.NAIVE: (1.0,)}
    forests = {way: workshop.fit(theta, workshop.training, workshop.validation) for way, theta in thetas.items()}
    deviances = {way: _held_out_deviance(workshop, forest, examination) for way, forest in forests.items()}
    best = min(PositionTraining, key=lambda way: deviances[way])
    return Chosen(forests[best], best, examination, deviances)


def _harvest(workshop: Workshop, positions: int) -> Examination:
    """θ from placements of several positions, without held-out rows; each half's expected rates come from the other half's forest."""
    several = workshop.rows.groupby("placement")["position"].transform("max") > 1
    usable = ~workshop.held_out & several.to_numpy()
    fold = _fold(workshop.rows["recipient_id"], "harvest-fold")
    prior = prior_examination(positions).theta
    expected = np.empty(len(fold))
    for half in (fold, ~fold):
        forest = workshop.fit(prior, workshop.training & ~half, workshop.validation & ~half, _HARVEST_TREES)
        expected[half] = np.exp(workshop.log_rates(forest, half))
    recipient = pd.factorize(workshop.rows["recipient_id"])[0].astype(np.int64)
    design = workshop.design
    exposures = Exposures(design.label, design.position, workshop.propensity, expected, recipient)
    return harvest(exposures.part(usable), positions)


def _held_out_deviance(workshop: Workshop, forest: Forest, examination: Examination) -> float:
    """Deviance on held-out rows, reweighted to a logger that shows everything everywhere alike; calibration is cross-fitted."""
    held_out = workshop.held_out
    part = workshop.design.part(held_out)
    raw, offset = workshop.log_rates(forest, held_out), part.offset(examination.theta)
    weight = inverse_propensities(workshop.propensity[held_out])
    fold = _fold(workshop.rows["recipient_id"][held_out], "choice-fold")
    rate = np.empty_like(raw)
    for half in (fold, ~fold):
        found = fit_calibration(raw[~half], offset[~half], part.label[~half], weight[~half])
        rate[half] = np.exp(found.log_rate(raw[half]) + offset[half])
    return poisson_deviance(part.label, rate, weight)


def _fold(recipient_id: pd.Series, salt: str) -> npt.NDArray[np.bool_]:
    return np.asarray(uniforms(keys_of(recipient_id), salt) < _HALF)
