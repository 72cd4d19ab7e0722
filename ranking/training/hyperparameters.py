"""Hyperparameters: chosen once, handed on from the incumbent, and searched for only when somebody asks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd

from ranking.model import RankingModel
from ranking.specification import Hyperparameters
from ranking.splitting import Mask
from ranking.training.booster import Forest
from ranking.training.choosing import Chosen, Workshop, theta_for
from ranking.training.metrics import poisson_deviances
from ranking.training.preparation import TrainingRequest

GRID = tuple(Hyperparameters(leaves, rate, share) for leaves, rate, share in product((8, 15, 31, 63), (0.05, 0.1), (0.5, 0.8)))

_Z = 1.959964

Doubles = npt.NDArray[np.float64]


def with_those_of(request: TrainingRequest, incumbent: RankingModel | None) -> TrainingRequest:
    """The request with the incumbent's settings, and with its segments: their number and names go on."""
    if incumbent is None:
        return request
    if (kept := incumbent.card.hyperparameters) is not None:
        request = replace(request, training=replace(request.training, hyperparameters=kept))
    if (segments := incumbent.parameters.segments) is None:
        return request
    number = len(segments.centroids)
    return replace(request, features=replace(request.features, segments=(number, number)), segments_before=segments)


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search found: the best settings by validation rows, and by how much of the deviance they gain on held-out ones (with 95 %
    limits, clustered by recipient). `kept`: whether that is beyond doubt."""

    tried: int
    best: Hyperparameters
    gain: float
    low: float
    high: float

    @property
    def kept(self) -> bool:
        return self.low > 0

    @property
    def sentence(self) -> str:
        """For the model card."""
        shape = f"{self.best.leaves} leaves, learning rate {self.best.learning_rate:g}"
        best = f"{shape}, {self.best.feature_fraction:.0%} of the features per tree"
        figures = f"{self.gain:+.2%} of the deviance on held-out decisions, 95 % interval {self.low:+.2%} to {self.high:+.2%}"
        end = "they are used from now on" if self.kept else "no gain beyond doubt, so the settings stay"
        return f"{self.tried} settings were tried; the best ({best}) gain {figures}: {end}."


def search(workshop: Workshop, chosen: Chosen, grid: Sequence[Hyperparameters] = GRID) -> Searched:
    """Try settings beside those that the chosen forest was made with: the best on validation rows is judged on held-out ones."""
    theta = theta_for(chosen)
    forests = {one: _fitted(workshop, one, theta) for one in grid if one != workshop.spec.hyperparameters}
    losses = {one: _losses(workshop, forest, theta, workshop.validation).mean() for one, forest in forests.items()}
    best = min(losses, key=lambda one: (losses[one], one.leaves))
    before, after = (_losses(workshop, forest, theta, workshop.held_out) for forest in (chosen.forest, forests[best]))
    return Searched(len(forests), best, *_relative(before - after, before, workshop.rows["recipient_id"][workshop.held_out]))


def _fitted(workshop: Workshop, settings: Hyperparameters, theta: tuple[float, ...]) -> Forest:
    trying = replace(workshop, spec=replace(workshop.spec, hyperparameters=settings))
    return trying.fit(theta, workshop.training, workshop.validation)


def _losses(workshop: Workshop, forest: Forest, theta: tuple[float, ...], mask: Mask) -> Doubles:
    """Poisson deviance of each of the rows, uncalibrated, float64[rows]."""
    part = workshop.design.part(mask)
    return poisson_deviances(part.label, np.exp(workshop.log_rates(forest, mask) + part.offset(theta)))


def _relative(gained: Doubles, before: Doubles, recipient_id: pd.Series) -> tuple[float, float, float]:
    """Σ gained / Σ before with 95 % limits; recipients are independent, their decisions are not."""
    share = gained.sum() / before.sum()
    influence = pd.Series(gained - share * before).groupby(recipient_id.to_numpy(dtype=object)).sum()
    error = _Z * float(np.sqrt((influence**2).sum()) / before.sum())
    return float(share), float(share - error), float(share + error)
