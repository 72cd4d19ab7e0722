"""Preparing a training: labelled rows, what each is for, the features' parameters, and the workshop that forests are made in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import pandas as pd

from domain.campaign import Goal
from domain.content import Content
from domain.recipient import AttributeKind
from domain.signal import SessionRule
from ranking.code_version import code_version
from ranking.features.compute import fit_features
from ranking.features.drift import FeatureBins, fit_bins
from ranking.features.parameters import FeatureParameters
from ranking.features.segments import Segments
from ranking.history import History
from ranking.labels import labelled_decisions, sampled, spine_frame
from ranking.specification import FeatureSpec, Objective, TrainingSpec, facts_of
from ranking.splitting import Mask, Split, choose_split
from ranking.too_little import Shortfall, TooLittleData
from ranking.training.choosing import Workshop
from ranking.training.design import design_of, past_features
from ranking.training.held_out import held_out_slates


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """What to train: the placements (empty: all of history's), features and settings. `where` is only written into the card;
    `segments_before` are those of the model before, whose names go on."""

    as_of: datetime
    features: FeatureSpec
    training: TrainingSpec
    placements: Sequence[str] = ()
    where: str | None = None
    code_version: str = ""
    segments_before: Segments | None = None


def request_for(
    content: Content | None,
    attributes: Mapping[str, AttributeKind],
    as_of: datetime,
    *,
    where: str | None = None,
    goal: Goal | None = None,
    session: SessionRule | None = None,
) -> TrainingRequest:
    """The usual request: for a campaign its placements, goal, policy and variants; without one all that history has, by clicks."""
    variants = tuple(map(facts_of, content.variants)) if content else ()
    features = FeatureSpec(attributes=dict(attributes), variants=variants, session=session or SessionRule())
    if content is None:
        return TrainingRequest(as_of, features, TrainingSpec(goal=goal or Goal.CLICK), (), where, code_version())
    campaign = content.campaign
    policy = campaign.policy
    training = TrainingSpec(
        goal=goal or campaign.goal, explore=policy.explore, effective_sample=policy.effective_sample, temperature=policy.temperature
    )
    placements = tuple(p.placement for p in campaign.placements)
    return TrainingRequest(as_of, features, training, placements, where, code_version())


@dataclass(frozen=True, slots=True)
class Parts:
    """The labelled rows and what each is for."""

    rows: pd.DataFrame
    split: Split
    training: Mask
    validation: Mask
    held_out: Mask


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that a training starts from. `bins` tell how the features were distributed when they were fitted."""

    request: TrainingRequest
    parts: Parts
    parameters: FeatureParameters
    bins: tuple[FeatureBins, ...]
    workshop: Workshop


def prepare(history: History, recipients: pd.DataFrame, request: TrainingRequest) -> Prepared | TooLittleData:
    """Label, split, fit features and compute them for the past of each decision of the given recipients (expanded frame)."""
    spec = request.training
    rows = _rows(history, recipients, request)
    if (missing := _missing(rows, spec)) is not None:
        return missing
    parts = _parted(rows, request)
    if (missing := _missing_after_split(parts, spec)) is not None:
        return missing
    parameters = _fit_parameters(history, recipients, parts, request)
    past = past_features(rows, recipients, history, parameters, threads=spec.threads)
    bins = fit_bins(past.since(parameters.fitted_since))
    objective = Objective.TWEEDIE if spec.goal is Goal.REVENUE else Objective.POISSON
    masks = parts.training, parts.validation, parts.held_out
    slates = held_out_slates(rows[parts.held_out], past, parameters)
    workshop = Workshop(design_of(rows, past, parameters), rows, parameters.layout, objective, spec, *masks, slates)
    return Prepared(request, parts, parameters, bins, workshop)


def _rows(history: History, recipients: pd.DataFrame, request: TrainingRequest) -> pd.DataFrame:
    spec = request.training
    rows = labelled_decisions(
        history, spec.goal, request.as_of, placements=request.placements, maturity=spec.label_maturity, threads=spec.threads
    )
    rows = rows[rows["recipient_id"].isin(recipients["recipient_id"])]
    return sampled(rows, spec.maximum_rows, spec.seed).reset_index(drop=True)


def _missing(rows: pd.DataFrame, spec: TrainingSpec) -> TooLittleData | None:
    outcomes = int((rows["label"] > 0).sum())
    variants = int(rows.groupby("placement")["variant"].nunique().max()) if len(rows) else 0
    return TooLittleData.unless_enough(
        "a ranking model",
        Shortfall("decisions", len(rows), spec.minimum_rows),
        Shortfall(f"decisions with a {spec.goal}", outcomes, spec.minimum_outcomes),
        Shortfall("variants shown in one placement", variants, 2),
    )


def _parted(rows: pd.DataFrame, request: TrainingRequest) -> Parts:
    spec = request.training
    split = choose_split(rows["decided_at"], request.as_of, held_out=spec.held_out, validation=spec.validation, seed=spec.seed)
    held_out = split.held_out(rows["recipient_id"], rows["decided_at"])
    validation = split.validation(rows["recipient_id"], rows["decided_at"])
    return Parts(rows, split, ~held_out & ~validation, validation, held_out)


def _missing_after_split(parts: Parts, spec: TrainingSpec) -> TooLittleData | None:
    positive = (parts.rows["label"] > 0).to_numpy()
    fewest = max(spec.minimum_outcomes // 10, 1)
    needs = [
        Shortfall(f"{name} decisions with a {spec.goal}", int((positive & mask).sum()), fewest)
        for name, mask in (("training", parts.training), ("validation", parts.validation), ("held-out", parts.held_out))
    ]
    return TooLittleData.unless_enough("a ranking model", *needs)


def _fit_parameters(history: History, recipients: pd.DataFrame, parts: Parts, request: TrainingRequest) -> FeatureParameters:
    """Fitted on training rows; with a split by time nothing later than the cut is looked at."""
    spine, _ = spine_frame(parts.rows[~parts.held_out], recipients)
    as_of = parts.split.held_out_from or request.as_of
    spec = replace(request.features, seed=request.training.seed)
    return fit_features(history, spine, as_of, spec, previous=request.segments_before, threads=request.training.threads)
