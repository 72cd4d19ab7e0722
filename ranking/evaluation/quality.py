"""How good a model's rates and order are on the decisions that policies are judged on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ranking.calibration import ReliabilityBin, expected_calibration_error, reliability
from ranking.debiasing import inverse_propensities
from ranking.policies.judging import BEST, Bench, policies_of
from ranking.policies.ndcg import PLACES, logged_ndcg
from ranking.policies.slates import Doubles


@dataclass(frozen=True, slots=True)
class ModelQuality:
    """A model on decisions it has not seen: mean observed and predicted outcome per decision, calibration error (mean absolute
    difference over tenths by predicted rate) with the tenths, and NDCG of the clicks under the model's order, under the variants'
    popularity among the other half of the recipients, and under no order at all. NDCG is None without any outcome."""

    role: str
    model_version: str
    observed_rate: float
    predicted_rate: float
    ece: float
    reliability: tuple[ReliabilityBin, ...]
    places: int
    ndcg: float | None
    ndcg_by_popularity: float | None
    ndcg_at_random: float | None


def quality_of(role: str, model_version: str, benches: Sequence[Bench]) -> ModelQuality:
    """Over all placements."""
    predicted = np.concatenate([(b.slates.at_item(np.exp(b.log_rates[role])) * b.theta)[b.slates.filled] for b in benches])
    label = np.concatenate([b.slates.reward[b.slates.filled] for b in benches])
    bins = reliability(predicted, label)
    orders = (
        [b.log_rates[role] for b in benches],
        [policies_of(b)[BEST].preference for b in benches],
        [np.zeros_like(b.log_rates[role]) for b in benches],
    )
    error = expected_calibration_error(bins)
    found = [_ndcg(order, benches) for order in orders]
    return ModelQuality(role, model_version, float(label.mean()), float(predicted.mean()), error, bins, PLACES, *found)


def _ndcg(scores: Sequence[Doubles], benches: Sequence[Bench]) -> float | None:
    """Weighted by the gains of each placement."""
    parts = [
        (_gains(b), logged_ndcg(np.where(b.slates.candidate, s, -np.inf), b.slates.item, _gains(b)))
        for s, b in zip(scores, benches, strict=True)
    ]
    known = [(gains.sum(), value) for gains, value in parts if value is not None]
    return float(sum(weight * value for weight, value in known) / sum(weight for weight, _ in known)) if known else None


def _gains(bench: Bench) -> Doubles:
    """Rewards over propensities, float64[n, K]: up to a constant what the log would hold had it shown everything everywhere alike."""
    return np.asarray(bench.slates.reward * inverse_propensities(bench.slates.propensity))
