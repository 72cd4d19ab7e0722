"""Look at the data before a model is trained on them: what speaks against it, with the reason."""

from collections.abc import Sequence
from datetime import timedelta

import pandas as pd

from flows.load_history import load_history
from ranking.features.compute import compute_features, serving_spine
from ranking.features.drift import drifts, served_counts
from ranking.features.parameters import ENOUGH_ROWS
from ranking.model import RankingModel
from ranking.training.data_counts import Scope, count, written_to
from ranking.training.data_gates import Finding, findings_of_features, findings_of_history, lost_attributes
from ranking.training.train import TrainingRequest
from runtime.house import House

MOST_RECIPIENTS = 50_000  # whose features are looked at
LATELY = timedelta(days=35)  # written to, so that they are people like those that a model was fitted on


def findings_of(house: House, recipients: pd.DataFrame, request: TrainingRequest, incumbent: RankingModel | None) -> tuple[Finding, ...]:
    """What speaks against training now: of history, and of features beside those that the incumbent was fitted on."""
    spec = request.training
    counted = count(load_history(house), Scope(spec.goal, request.as_of, request.placements, spec.label_maturity), threads=spec.threads)
    return (*findings_of_history(counted), *(findings_beside(house, recipients, request, incumbent) if incumbent else ()))


def findings_beside(house: House, recipients: pd.DataFrame, request: TrainingRequest, incumbent: RankingModel) -> Sequence[Finding]:
    """What the incumbent would not recognise in the recipients' features of today."""
    lost = lost_attributes(incumbent.parameters.spec.attributes, recipients.columns)
    history = load_history(house)
    active = recipients[recipients["recipient_id"].isin(written_to(history, request.as_of, LATELY))].head(MOST_RECIPIENTS)
    if lost or not incumbent.bins or len(active) < ENOUGH_ROWS:
        return lost
    features = compute_features(serving_spine(active, request.as_of), history, incumbent.parameters, threads=request.training.threads)
    found = drifts(incumbent.bins, served_counts(incumbent.bins, features))
    return findings_of_features(found, incumbent.card.importances)
