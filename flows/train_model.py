"""Train a ranking model on what was received so far and register it: the one way, for the command line and the schedule."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import pandas as pd

from audience.expressions import evaluate, parse
from domain.campaign import Goal, Policy
from domain.content import Content
from domain.errors import InputError
from domain.ids import CampaignId
from domain.model import ModelState
from flows.compare_with_incumbent import compare_with_incumbent
from flows.gate_training import findings_of
from flows.load_history import load_history
from ranking.evaluation.promotion import comparison_note, objections
from ranking.features.parameters import FeatureParameters
from ranking.features.segments import Segments
from ranking.model import RankingModel, card_document
from ranking.too_little import TooLittleData
from ranking.training.data_gates import Finding
from ranking.training.hyperparameters import GRID, with_those_of
from ranking.training.train import request_for, train
from runtime.clock import now
from runtime.house import House
from storage.models import ModelRow


@dataclass(frozen=True, slots=True)
class Trained:
    """A registered model, its state, and the objections that kept it from becoming the incumbent, if any."""

    model: RankingModel
    state: ModelState
    objections: Sequence[str]


@dataclass(frozen=True, slots=True)
class Manner:
    """How to train: `search` tries other settings than the incumbent's; `anyway` trains although the data speak against it."""

    search: bool = False
    anyway: bool = False


def train_model(
    house: House,
    content: Content | None,
    as_of: datetime,
    *,
    where: str | None = None,
    goal: Goal | None = None,
    candidate: bool = False,
    manner: Manner = Manner(),
) -> Trained:
    """Train on the decisions of the recipients that `where` admits, received before `as_of`; without content on all of history.

    A model nobody objects to becomes the incumbent, unless only a candidate is asked for. InputError when data are too few or broken.
    """
    recipients, campaign = admitted(house, where, as_of), content.campaign.campaign if content else None
    incumbent = deciding_before(house, campaign, as_of)
    asked = request_for(content, house.recipients.attributes(), as_of, where=where, goal=goal, session=house.settings.session_rule)
    request = replace(with_those_of(asked, incumbent), segments_before=segments_before(house, campaign, as_of))
    passed = _through_gates(findings_of(house, recipients, request, incumbent), manner)
    model = train(load_history(house), recipients, request, grid=GRID if manner.search else ())
    if isinstance(model, TooLittleData):
        raise InputError(str(model), hint="import more history: letterpress import decisions FILE")
    policy = content.campaign.policy if content else Policy()
    beside = compare_with_incumbent(house, recipients, request, policy, (model, incumbent)) if incumbent and where is None else None
    model = model.noted(*passed, *([comparison_note(beside)] if beside else []))
    against = objections(model.card, beside)
    state = ModelState.CANDIDATE if candidate or against else ModelState.INCUMBENT
    document = card_document(model.card)
    house.models.save(model.model_version, campaign, model.to_files(), document, trained_at=now(), as_of=as_of, state=state)
    return Trained(model, state, against)


def _through_gates(findings: Sequence[Finding], manner: Manner) -> tuple[str, ...]:
    """What the card says of what was found in the data. InputError where that stops training."""
    stops = [finding for finding in findings if finding.stops]
    if stops and not manner.anyway:
        raise InputError(
            "the data speak against training: " + "; ".join(stop.reason for stop in stops),
            hint="mend them and train again; if it is all as it should be: letterpress train --anyway",
        )
    return tuple(f"Found in the data before training ({finding.gate}): {finding.reason}." for finding in findings)


def deciding_before(house: House, campaign: CampaignId | None, as_of: datetime) -> RankingModel | None:
    """The latest model that decided for the campaign and knew less than one of `as_of`."""
    latest = _latest_before(house, campaign, as_of)
    return RankingModel.from_files(house.models.load(latest.model_version).files) if latest else None


def segments_before(house: House, campaign: CampaignId | None, as_of: datetime) -> Segments | None:
    """Segments of that model, so that their names go on."""
    latest = _latest_before(house, campaign, as_of)
    return FeatureParameters.from_files(house.models.load(latest.model_version).files).segments if latest else None


def _latest_before(house: House, campaign: CampaignId | None, as_of: datetime) -> ModelRow | None:
    """Models of the same as_of do not count: trained twice, a model is the same twice."""
    decided = (ModelState.INCUMBENT, ModelState.RETIRED)
    before = [m for m in house.models.list() if m.campaign in {campaign, None} and m.state in decided and m.as_of < as_of]
    return max(before, key=lambda model: (model.as_of, model.trained_at), default=None)


def admitted(house: House, where: str | None, as_of: datetime) -> pd.DataFrame:
    """The recipients that a condition admits, expanded; everyone without one."""
    recipients = house.recipients.load_expanded()
    if where is None:
        return recipients
    expression = parse(where, house.recipients.attributes(), "--where")
    return recipients[evaluate([expression], recipients, as_of)[:, 0]]
