"""Training: from history to a model with a card, or to what is missing for one."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from ranking.history import History
from ranking.model import RankingModel
from ranking.specification import Hyperparameters
from ranking.too_little import TooLittleData
from ranking.training.choosing import fit_best
from ranking.training.hyperparameters import search
from ranking.training.judgement import judged
from ranking.training.preparation import Prepared, TrainingRequest, prepare, request_for

__all__ = ["TrainingRequest", "request_for", "train"]


def train(
    history: History, recipients: pd.DataFrame, request: TrainingRequest, *, grid: Sequence[Hyperparameters] = ()
) -> RankingModel | TooLittleData:
    """Train on the decisions of the given recipients (expanded frame) received before `request.as_of`.

    Features are fitted on and computed for the past of each decision; trees are fitted on training rows, stopped on validation
    rows, chosen, calibrated, tempered and judged on held-out rows. With a grid other settings are tried, and kept where they gain.
    """
    prepared = prepare(history, recipients, request)
    if isinstance(prepared, TooLittleData):
        return prepared
    return _searched(prepared, grid) if grid else judged(prepared, fit_best(prepared.workshop))


def _searched(prepared: Prepared, grid: Sequence[Hyperparameters]) -> RankingModel:
    workshop = prepared.workshop
    chosen = fit_best(workshop)
    found = search(workshop, chosen, grid)
    if found.kept:
        workshop = replace(workshop, spec=replace(workshop.spec, hyperparameters=found.best))
        prepared, chosen = replace(prepared, workshop=workshop), fit_best(workshop)
    return judged(prepared, chosen).noted(found.sentence)
