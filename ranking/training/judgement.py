"""From a chosen forest to a model: calibrated, tempered and judged on held-out decisions, with the card that says so."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from ranking.calibration import fit_calibration
from ranking.debiasing import Source
from ranking.features import segments
from ranking.model import Head, RankingModel, Witness, version_of
from ranking.model_card import HeldOutMetrics, ModelCard, PartCounts
from ranking.policies import temperature
from ranking.policies.temperature import GRID, Basis, Scored, Tempering, choose_temperature
from ranking.splitting import Mask, SplitBy
from ranking.training.booster import Forest
from ranking.training.choosing import Chosen
from ranking.training.held_out import ndcg_of
from ranking.training.metrics import held_out_metrics, popularity_rates
from ranking.training.pictures import calibration_picture, importance_picture
from ranking.training.preparation import Prepared

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Judged:
    """What held-out decisions say of a forest, and the one that decides: the same, or its like made of all decisions."""

    prepared: Prepared
    chosen: Chosen
    decides: Forest
    head: Head
    metrics: HeldOutMetrics
    tempering: Tempering

    @property
    def deciding_head(self) -> Head:
        """Calibrated as held-out decisions say of the forest that has not seen them."""
        return Head(self.decides.base, self.head.calibration)


def judged(prepared: Prepared, chosen: Chosen) -> RankingModel:
    """Calibrate, choose a temperature and measure on held-out rows, write the card, draw its pictures."""
    workshop, forest = prepared.workshop, chosen.forest
    held_out = workshop.design.part(workshop.held_out)
    raw, offset = workshop.log_rates(forest, workshop.held_out), held_out.offset(chosen.examination.theta)
    head = Head(forest.base, fit_calibration(raw, offset, held_out.label))
    metrics = held_out_metrics(raw, offset, _plain(prepared, chosen), held_out, workshop.rows["recipient_id"][workshop.held_out])
    scored = [Scored(part.slates, part.log_rates(forest, head.calibration)) for part in workshop.slates]
    decides = workshop.refit(chosen) if _worth_refitting(prepared) else forest
    found = _Judged(prepared, chosen, decides, head, _with_ndcg(metrics, prepared, chosen, scored), _tempering(prepared, scored))
    card = _card(found)
    pictures = {
        "calibration.png": calibration_picture(metrics.reliability, metrics.ece),
        "importance.png": importance_picture(card.importances),
    }
    witness = None if decides is forest else Witness(forest.text, head)
    return RankingModel(decides.text, found.deciding_head, prepared.parameters, card, prepared.bins, pictures, witness)


def _worth_refitting(prepared: Prepared) -> bool:
    """Where later decisions were held out, they tell of what is new; other recipients of the same days tell nothing new."""
    return prepared.request.training.refit and prepared.parts.split.by is SplitBy.TIME


def _plain(prepared: Prepared, chosen: Chosen) -> Doubles:
    """What popularity alone predicts for held-out rows."""
    rows, held_out = prepared.parts.rows, prepared.parts.held_out
    theta = np.exp(prepared.workshop.design.offset(chosen.examination.theta))
    return popularity_rates(rows[~held_out], theta[~held_out], rows[held_out], theta[held_out])


def _with_ndcg(metrics: HeldOutMetrics, prepared: Prepared, chosen: Chosen, scored: list[Scored]) -> HeldOutMetrics:
    slates, theta = prepared.workshop.slates, chosen.examination.theta
    by_model = ndcg_of(slates, [part.log_rates for part in scored], theta)
    by_chance = ndcg_of(slates, [np.zeros_like(part.log_rates) for part in scored], theta)
    return replace(metrics, ndcg=by_model, ndcg_at_random=by_chance)


def _tempering(prepared: Prepared, scored: list[Scored]) -> Tempering:
    spec, slates = prepared.request.training, prepared.workshop.slates
    recipients = slates[0].recipients if slates else 0
    grid = GRID if spec.temperature is None else (spec.temperature,)
    found = choose_temperature(scored, recipients=recipients, explore=spec.explore, effective_sample=spec.effective_sample, grid=grid)
    return found if spec.temperature is None else replace(found, basis=Basis.CAMPAIGN)


def _card(found: _Judged) -> ModelCard:
    prepared, chosen = found.prepared, found.chosen
    parts, parameters, request = prepared.parts, prepared.parameters, prepared.request
    rows, gains = parts.rows, zip(parameters.layout.features, found.decides.gain, strict=True)
    importances = {f.name: round(float(gain), 6) for f, gain in gains if gain > 0}
    return ModelCard(
        model_version=version_of(found.decides.text, found.deciding_head, parameters, found.tempering.temperature),
        goal=request.training.goal,
        as_of=request.as_of,
        placements=tuple(sorted(rows["placement"].unique())),
        where=request.where,
        window_from=rows["decided_at"].min().to_pydatetime(),
        window_until=rows["decided_at"].max().to_pydatetime(),
        split=parts.split,
        training=_counts(rows, parts.training),
        validation=_counts(rows, parts.validation),
        held_out=_counts(rows, parts.held_out),
        objective=prepared.workshop.objective.value,
        trees=found.decides.trees,
        examination=chosen.examination,
        position_training=chosen.training,
        position_deviances=chosen.deviances,
        metrics=found.metrics,
        importances=dict(sorted(importances.items(), key=lambda pair: (-pair[1], pair[0]))),
        feature_count=len(parameters.layout.features),
        layout_digest=parameters.layout.digest,
        code_version=request.code_version,
        seed=request.training.seed,
        notes=tuple(_notes(found)),
        tempering=found.tempering,
        hyperparameters=prepared.workshop.spec.hyperparameters,
    )


def _counts(rows: pd.DataFrame, mask: Mask) -> PartCounts:
    return PartCounts(int(mask.sum()), int((rows.loc[mask, "label"] > 0).sum()))


def _notes(found: _Judged) -> Iterator[str]:
    """What a reader of the card must know and would not guess."""
    prepared, examination = found.prepared, found.chosen.examination
    if prepared.parts.split.by is SplitBy.RECIPIENT:
        yield "No later period to hold out: recipients were held out by hash, so nothing is known of change over time."
    if found.decides is not found.chosen.forest:
        yield "What decides was fitted on held-out decisions too; all that is said here is said of its twin, which has not seen them."
    if examination.source is Source.PRIOR:
        yield "Too few outcomes beyond the first position: examination is a prior from another click log."
    if not all(part.propensities_known for part in prepared.workshop.slates):
        yield "Propensities are not on record: what the past policy preferred may look like what recipients prefer, and examination too."
    if found.head.calibration.slope == 0:
        yield "On held-out decisions the model's order meant nothing: all variants score alike."
    yield from temperature.notes(found.tempering)
    if thin := prepared.parameters.note:
        yield thin
    yield segments.note(prepared.parameters.segments)
    if prepared.parameters.items is None:
        yield "Too few purchases for embeddings: purchase_history_embedding is unknown for everyone."
