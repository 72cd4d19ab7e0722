"""Train a ranking model on what was received so far and register it: the one way, for the command line and the schedule."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from audience.expressions import evaluate, parse
from domain.campaign import Goal
from domain.content import Content
from domain.errors import InputError
from domain.model import ModelState
from flows.load_history import load_history
from ranking.model import RankingModel, card_document
from ranking.promotion import objections
from ranking.too_little import TooLittleData
from ranking.training import request_for, train
from runtime.clock import now
from runtime.house import House


@dataclass(frozen=True, slots=True)
class Trained:
    """A registered model, its state, and the objections that kept it from becoming the incumbent, if any."""

    model: RankingModel
    state: ModelState
    objections: Sequence[str]


def train_model(
    house: House,
    content: Content | None,
    as_of: datetime,
    *,
    where: str | None = None,
    goal: Goal | None = None,
    candidate: bool = False,
) -> Trained:
    """Train on the decisions of the recipients that `where` admits, received before `as_of`; without content on all of history.

    A model nobody objects to becomes the incumbent, unless only a candidate is asked for. InputError when data are too few.
    """
    recipients = admitted(house, where, as_of)
    request = request_for(content, house.recipients.attributes(), as_of, where=where, goal=goal)
    model = train(load_history(house), recipients, request)
    if isinstance(model, TooLittleData):
        raise InputError(str(model), hint="import more history: letterpress import decisions FILE")
    against = objections(model.card)
    state = ModelState.CANDIDATE if candidate or against else ModelState.INCUMBENT
    campaign = content.campaign.campaign if content else None
    document = card_document(model.card)
    house.models.save(model.model_version, campaign, model.to_files(), document, trained_at=now(), as_of=as_of, state=state)
    return Trained(model, state, against)


def admitted(house: House, where: str | None, as_of: datetime) -> pd.DataFrame:
    """The recipients that a condition admits, expanded; everyone without one."""
    recipients = house.recipients.load_expanded()
    if where is None:
        return recipients
    expression = parse(where, house.recipients.attributes(), "--where")
    return recipients[evaluate([expression], recipients, as_of)[:, 0]]
