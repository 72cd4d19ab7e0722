"""Training: from history to a model with a card, or to what is missing for one."""

import pandas as pd

from ranking.choosing import fit_best
from ranking.history import History
from ranking.judgement import judged
from ranking.model import RankingModel
from ranking.preparation import TrainingRequest, prepare, request_for
from ranking.too_little import TooLittleData

__all__ = ["TrainingRequest", "request_for", "train"]


def train(history: History, recipients: pd.DataFrame, request: TrainingRequest) -> RankingModel | TooLittleData:
    """Train on the decisions of the given recipients (expanded frame) received before `request.as_of`.

    Features are fitted on and computed for the past of each decision; trees are fitted on training rows, stopped on validation
    rows, chosen, calibrated, tempered and judged on held-out rows.
    """
    prepared = prepare(history, recipients, request)
    return prepared if isinstance(prepared, TooLittleData) else judged(prepared, fit_best(prepared.workshop))
