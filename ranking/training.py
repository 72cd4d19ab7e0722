"""Training: from history to a model with a card, or to what is missing for one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import version

import numpy as np
import pandas as pd

from domain.campaign import Goal
from domain.content import Content
from domain.recipient import AttributeKind
from ranking.calibration import fit_calibration
from ranking.choosing import Chosen, Workshop, fit_best
from ranking.debiasing import Examination, Source
from ranking.design import design_of
from ranking.features import fit_features
from ranking.history import History
from ranking.labels import labelled_decisions, sampled, spine_frame
from ranking.metrics import held_out_metrics, popularity_rates
from ranking.model import Head, RankingModel, version_of
from ranking.model_card import HeldOutMetrics, ModelCard, PartCounts
from ranking.parameters import FeatureParameters
from ranking.pictures import calibration_picture, importance_picture
from ranking.specification import FeatureSpec, Objective, TrainingSpec, facts_of
from ranking.splitting import Mask, Split, SplitBy, choose_split
from ranking.too_little import Shortfall, TooLittleData


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """What to train: the placements (empty: all of history's), features and settings. `where` is only written into the card."""

    as_of: datetime
    features: FeatureSpec
    training: TrainingSpec
    placements: Sequence[str] = ()
    where: str | None = None
    code_version: str = ""


def request_for(
    content: Content | None, attributes: Mapping[str, AttributeKind], as_of: datetime, *, where: str | None = None, goal: Goal | None = None
) -> TrainingRequest:
    """The usual request: for a campaign its placements, goal and variants; without one all that history has, by clicks."""
    variants = tuple(map(facts_of, content.variants)) if content else ()
    placements = tuple(p.placement for p in content.campaign.placements) if content else ()
    wanted = goal or (content.campaign.goal if content else Goal.CLICK)
    features = FeatureSpec(attributes=dict(attributes), variants=variants)
    return TrainingRequest(as_of, features, TrainingSpec(goal=wanted), placements, where, version("letterpress"))


@dataclass(frozen=True, slots=True)
class _Parts:
    """The labelled rows and what each is for."""

    rows: pd.DataFrame
    split: Split
    training: Mask
    validation: Mask
    held_out: Mask


@dataclass(frozen=True, slots=True)
class _Trained:
    """A forest with all it came from, before it is calibrated and judged."""

    parts: _Parts
    workshop: Workshop
    chosen: Chosen
    parameters: FeatureParameters
    request: TrainingRequest


def train(history: History, recipients: pd.DataFrame, request: TrainingRequest) -> RankingModel | TooLittleData:
    """Train on the decisions of the given recipients (expanded frame) received before `request.as_of`.

    Features are fitted on and computed for the past of each decision; trees are fitted on training rows, stopped on validation
    rows, calibrated and judged on held-out rows.
    """
    spec = request.training
    rows = _rows(history, recipients, request)
    if (missing := _missing(rows, spec)) is not None:
        return missing
    parts = _parted(rows, request)
    if (missing := _missing_after_split(parts, spec)) is not None:
        return missing
    parameters = _fit_parameters(history, recipients, parts, request)
    design = design_of(parts.rows, recipients, history, parameters, threads=spec.threads)
    objective = Objective.TWEEDIE if spec.goal is Goal.REVENUE else Objective.POISSON
    masks = parts.training, parts.validation, parts.held_out
    workshop = Workshop(design, rows, parameters.layout, objective, spec, *masks)
    return _judged(_Trained(parts, workshop, fit_best(workshop), parameters, request))


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


def _parted(rows: pd.DataFrame, request: TrainingRequest) -> _Parts:
    spec = request.training
    split = choose_split(rows["decided_at"], request.as_of, held_out=spec.held_out, validation=spec.validation, seed=spec.seed)
    held_out = split.held_out(rows["recipient_id"], rows["decided_at"])
    validation = split.validation(rows["recipient_id"], rows["decided_at"])
    return _Parts(rows, split, ~held_out & ~validation, validation, held_out)


def _missing_after_split(parts: _Parts, spec: TrainingSpec) -> TooLittleData | None:
    positive = (parts.rows["label"] > 0).to_numpy()
    fewest = max(spec.minimum_outcomes // 10, 1)
    needs = [
        Shortfall(f"{name} decisions with a {spec.goal}", int((positive & mask).sum()), fewest)
        for name, mask in (("training", parts.training), ("validation", parts.validation), ("held-out", parts.held_out))
    ]
    return TooLittleData.unless_enough("a ranking model", *needs)


def _fit_parameters(history: History, recipients: pd.DataFrame, parts: _Parts, request: TrainingRequest) -> FeatureParameters:
    """Fitted on training rows; with a split by time nothing later than the cut is looked at."""
    spine, _ = spine_frame(parts.rows[~parts.held_out], recipients)
    as_of = parts.split.held_out_from or request.as_of
    spec = replace(request.features, seed=request.training.seed)
    return fit_features(history, spine, as_of, spec, threads=request.training.threads)


def _judged(trained: _Trained) -> RankingModel:
    """Calibrate and judge on held-out rows, write the card, draw its pictures."""
    forest = trained.chosen.forest
    held_out = trained.workshop.design.part(trained.parts.held_out)
    raw = trained.workshop.log_rates(forest, trained.parts.held_out)
    offset = held_out.offset(trained.chosen.examination.theta)
    head = Head(forest.base, fit_calibration(raw, offset, held_out.label))
    asked = trained.parts.rows[trained.parts.held_out]
    metrics = held_out_metrics(raw, offset, _plain(trained), held_out, asked["recipient_id"])
    card = _card(trained, head, metrics)
    pictures = {
        "calibration.png": calibration_picture(metrics.reliability, metrics.ece),
        "importance.png": importance_picture(card.importances),
    }
    return RankingModel(forest.text, head, trained.parameters, card, pictures)


def _plain(trained: _Trained) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    """What popularity alone predicts for held-out rows."""
    rows, held_out = trained.parts.rows, trained.parts.held_out
    theta = np.exp(trained.workshop.design.offset(trained.chosen.examination.theta))
    return popularity_rates(rows[~held_out], theta[~held_out], rows[held_out], theta[held_out])


def _card(trained: _Trained, head: Head, metrics: HeldOutMetrics) -> ModelCard:
    parts, spec, parameters = trained.parts, trained.request.training, trained.parameters
    rows, gains = parts.rows, zip(parameters.layout.features, trained.chosen.forest.gain, strict=True)
    importances = {f.name: round(float(gain), 6) for f, gain in gains if gain > 0}
    return ModelCard(
        model_version=version_of(trained.chosen.forest.text, head, parameters),
        goal=spec.goal,
        as_of=trained.request.as_of,
        placements=tuple(sorted(rows["placement"].unique())),
        where=trained.request.where,
        window_from=rows["decided_at"].min().to_pydatetime(),
        window_until=rows["decided_at"].max().to_pydatetime(),
        split=parts.split,
        training=_counts(rows, parts.training),
        validation=_counts(rows, parts.validation),
        held_out=_counts(rows, parts.held_out),
        objective=trained.workshop.objective.value,
        trees=trained.chosen.forest.trees,
        examination=trained.chosen.examination,
        position_training=trained.chosen.training,
        position_deviances=trained.chosen.deviances,
        metrics=metrics,
        importances=dict(sorted(importances.items(), key=lambda pair: (-pair[1], pair[0]))),
        feature_count=len(parameters.layout.features),
        layout_digest=parameters.layout.digest,
        code_version=trained.request.code_version,
        seed=spec.seed,
        notes=tuple(_notes(parts, head, parameters, trained.chosen.examination)),
    )


def _counts(rows: pd.DataFrame, mask: Mask) -> PartCounts:
    return PartCounts(int(mask.sum()), int((rows.loc[mask, "label"] > 0).sum()))


def _notes(parts: _Parts, head: Head, parameters: FeatureParameters, examination: Examination) -> Iterator[str]:
    """What a reader of the card must know and would not guess."""
    if parts.split.by is SplitBy.RECIPIENT:
        yield "No later period to hold out: recipients were held out by hash, so nothing is known of change over time."
    if examination.source is Source.PRIOR:
        yield "Too few outcomes beyond the first position: examination is a prior from another click log."
    if head.calibration.slope == 0:
        yield "On held-out decisions the model's order meant nothing: all variants score alike."
    if parameters.segments is None:
        yield "Too little behaviour for segments: segment_memberships is unknown for everyone."
    if parameters.items is None:
        yield "Too few purchases for embeddings: purchase_history_embedding is unknown for everyone."
