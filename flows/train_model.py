"""Train a ranking model on what was received so far and register it: the one way, for the command line and the schedule."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import pandas as pd

from audience.expressions import evaluate, parse
from domain.campaign import Goal
from domain.content import Content
from domain.errors import InputError
from domain.ids import CampaignId
from domain.model import ModelState
from flows.load_history import load_history
from ranking.model import RankingModel, card_document
from ranking.parameters import FeatureParameters
from ranking.promotion import objections
from ranking.segments import Segments
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
    campaign = content.campaign.campaign if content else None
    request = request_for(content, house.recipients.attributes(), as_of, where=where, goal=goal)
    model = train(load_history(house), recipients, replace(request, segments_before=segments_before(house, campaign, as_of)))
    if isinstance(model, TooLittleData):
        raise InputError(str(model), hint="import more history: letterpress import decisions FILE")
    against = objections(model.card)
    state = ModelState.CANDIDATE if candidate or against else ModelState.INCUMBENT
    document = card_document(model.card)
    house.models.save(model.model_version, campaign, model.to_files(), document, trained_at=now(), as_of=as_of, state=state)
    return Trained(model, state, against)


def segments_before(house: House, campaign: CampaignId | None, as_of: datetime) -> Segments | None:
    """Segments of the latest model that decided for the campaign and knew less than one of `as_of`, so that their names go on.

    Models of the same as_of do not count: trained twice, a model is the same twice.
    """
    decided = (ModelState.INCUMBENT, ModelState.RETIRED)
    before = [m for m in house.models.list() if m.campaign in {campaign, None} and m.state in decided and m.as_of < as_of]
    if not before:
        return None
    latest = max(before, key=lambda model: (model.as_of, model.trained_at))
    return FeatureParameters.from_files(house.models.load(latest.model_version).files).segments


def admitted(house: House, where: str | None, as_of: datetime) -> pd.DataFrame:
    """The recipients that a condition admits, expanded; everyone without one."""
    recipients = house.recipients.load_expanded()
    if where is None:
        return recipients
    expression = parse(where, house.recipients.attributes(), "--where")
    return recipients[evaluate([expression], recipients, as_of)[:, 0]]
