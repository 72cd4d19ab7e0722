"""`letterpress evaluate` behind its command line: what is judged, against what, and its picture."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from audience.eligibility import eligible_variants
from domain.campaign import Goal, Policy
from domain.content import Content
from domain.errors import InputError
from domain.ids import CampaignId, ModelVersion
from flows.load_history import load_history
from flows.train_model import admitted
from letterpress.ranking_views import worth_showing
from ranking.deciding.choice_sets import temperature_of
from ranking.evaluation.contenders import Contender
from ranking.evaluation.evaluate import Evaluation, EvaluationRequest, evaluate
from ranking.model import RankingModel
from ranking.policies.judging import INCUMBENT
from ranking.too_little import TooLittleData
from ranking.training.pictures import values_picture
from runtime.house import House


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asked for; None: not said. `model` is a version, `defaults` are PLACEMENT=VARIANT[,VARIANT…]."""

    campaign: str | None
    content: Content | None
    model: str | None
    where: str | None
    as_of: datetime
    goal: Goal | None
    temperature: float | None
    defaults: Sequence[str]


def evaluated(house: House, asked: Asked) -> Evaluation | TooLittleData:
    """The evaluation of a model, the incumbent unless another is named, which is then compared with it."""
    content, at = asked.content, asked.as_of
    incumbent = house.models.incumbent(CampaignId(asked.campaign or ""))
    version = ModelVersion(asked.model) if asked.model else incumbent
    model, other = _model(house, version), _model(house, incumbent) if incumbent != version else None
    recipients = admitted(house, asked.where, at)
    request = EvaluationRequest(
        at,
        goal=asked.goal or (model.card.goal if model else content.campaign.goal if content else Goal.CLICK),
        placements=tuple(p.placement for p in content.campaign.placements) if content else (),
        temperature=asked.temperature or temperature_of(content.campaign.policy if content else Policy(), model),
        trained_on=_trained_on(house, model, at),
        defaults=_defaults(content, asked.defaults),
        eligible=_eligible(house, content, recipients, at) if content else {},
    )
    against = Contender(INCUMBENT, other, _trained_on(house, other, at)) if other else None
    return evaluate(load_history(house), recipients, model, request, incumbent=against)


def _model(house: House, version: ModelVersion | None) -> RankingModel | None:
    return RankingModel.from_files(house.models.load(version).files) if version else None


def _trained_on(house: House, model: RankingModel | None, at: datetime) -> Collection[str] | None:
    """The recipients whose decisions the model may have seen; None for all."""
    if model is None or model.card.where is None:
        return None
    return frozenset(admitted(house, model.card.where, at)["recipient_id"])


def _defaults(content: Content | None, given: Sequence[str]) -> Mapping[str, Sequence[str]]:
    placements = [p.placement for p in content.campaign.placements] if content else []
    found: dict[str, Sequence[str]] = {p: content.default_slate(p) for p in placements} if content else {}
    for text in given:
        placement, separator, variants = text.partition("=")
        if not separator or not variants:
            raise InputError(f"{text!r} is not PLACEMENT=VARIANT", where="--default")
        found[placement] = tuple(variants.split(","))
    return found


def _eligible(house: House, content: Content, recipients: pd.DataFrame, at: datetime) -> Mapping[str, pd.DataFrame]:
    """Per placement whom the variants' conditions admit, as recipients are now."""
    found = eligible_variants(content, recipients, house.recipients.attributes(), at)
    people = pd.Index(recipients["recipient_id"])
    return {p: pd.DataFrame(admits, index=people, columns=[v.variant for v in content.of(p)]) for p, admits in found.items()}


def check_picture(path: Path) -> None:
    """InputError unless it is to be a PNG file in a folder that exists: said before the work, not after it."""
    if path.suffix.lower() != ".png":
        raise InputError(f"{path} is no PNG file", where="--picture", hint="give a name that ends in .png")
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent}", where="--picture")


def draw(answer: Evaluation, path: Path) -> None:
    """Values and reliability as a picture. InputError where it cannot be written."""
    bins = {f"the {quality.role}, error {quality.ece:.4f}": quality.reliability for quality in answer.quality}
    total = answer.total
    title, unit = f"{total.placement}: what {total.slates:,} letters tell", f"{answer.unit} per letter"
    data = values_picture(title, unit, worth_showing(total.policies), bins)
    try:
        path.write_bytes(data)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}", where="--picture") from None
