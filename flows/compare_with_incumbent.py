"""A new model beside the one that decides now, on held-out decisions that neither has seen."""

import pandas as pd

from domain.campaign import Policy
from flows.load_history import load_history
from ranking.deciding.choice_sets import temperature_of
from ranking.evaluation.contenders import Contender
from ranking.evaluation.evaluate import Evaluation, EvaluationRequest, evaluate
from ranking.model import RankingModel
from ranking.policies.judging import INCUMBENT
from ranking.too_little import TooLittleData
from ranking.training.data_gates import lost_attributes
from ranking.training.train import TrainingRequest
from runtime.house import House


def compare_with_incumbent(
    house: House, recipients: pd.DataFrame, request: TrainingRequest, policy: Policy, models: tuple[RankingModel, RankingModel]
) -> Evaluation | TooLittleData | None:
    """What the policies of a new model and of the incumbent, in that order, would have earned; None where they cannot be compared."""
    model, incumbent = models
    if lost_attributes(incumbent.parameters.spec.attributes, recipients.columns) or incumbent.card.goal is not model.card.goal:
        return None
    asked = EvaluationRequest(
        request.as_of,
        goal=request.training.goal,
        placements=request.placements,
        temperature=temperature_of(policy, model),
        threads=request.training.threads,
    )
    return evaluate(load_history(house), recipients, model, asked, incumbent=Contender(INCUMBENT, incumbent))
