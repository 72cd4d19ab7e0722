"""Held-out slates: what was kept from training, ready to be scored by any forest, candidates that were not shown included."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ranking.calibration import Calibration
from ranking.debiasing import inverse_propensities
from ranking.features.parameters import FeatureParameters
from ranking.layout import FeatureFrame
from ranking.model import Head
from ranking.policies.ndcg import logged_ndcg
from ranking.policies.slates import Slates, slates_of, usable
from ranking.scoring.scorer import score
from ranking.specification import VariantFacts, variant_key
from ranking.training.booster import Forest
from ranking.training.design import PastFeatures

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BareForest:
    """A forest that can be scored (`scorer.Scorable`) without being a model yet."""

    forest: str
    head: Head
    parameters: FeatureParameters

    @classmethod
    def of(cls, forest: Forest, parameters: FeatureParameters, calibration: Calibration | None = None) -> "BareForest":
        """Uncalibrated unless a calibration is given."""
        return cls(forest.text, Head(forest.base, calibration or Calibration()), parameters)


@dataclass(frozen=True, slots=True)
class HeldOutSlates:
    """n slates of one placement with the features of their recipients as of the instant of each.

    `recipients` counts those of all placements. Where any slate has a logged propensity, all have; else all of them lack it.
    """

    slates: Slates
    recipients: int
    features: FeatureFrame
    parameters: FeatureParameters

    @property
    def propensities_known(self) -> bool:
        """Whether it is on record how likely each variant was to be shown where it was."""
        return not bool(np.isnan(self.slates.propensity).any())

    def log_rates(self, forest: Forest, calibration: Calibration | None = None) -> Doubles:
        """The forest's log-rate of every variant at position 1, float64[n, V]; scored by day, on which variants' ages depend."""
        scored = BareForest.of(forest, self.parameters, calibration)
        facts = _facts(self.slates, self.parameters)
        out = np.empty(self.slates.candidate.shape)
        for day, at in self.slates.decided_at.groupby(self.slates.decided_at.dt.normalize()).groups.items():
            rows = np.asarray(at, dtype=np.int64)
            out[rows] = score(scored, self.features.take(rows), facts, pd.Timestamp(str(day)).to_pydatetime())
        return out


def held_out_slates(rows: pd.DataFrame, past: PastFeatures, parameters: FeatureParameters) -> tuple[HeldOutSlates, ...]:
    """Slates of labelled rows, placement by placement, those with a choice of two variants or more.

    Where none has a known propensity, they all count; else only those that have. The holdout's never do: nothing was chosen there.
    """
    known, _ = usable(rows, np.zeros(len(rows), dtype=bool))
    if known.empty:
        known, _ = usable(rows.assign(propensity=1.0), np.zeros(len(rows), dtype=bool))
        known = known.assign(propensity=np.nan)
    return tuple(_of_placements(known, past, parameters))


def _of_placements(rows: pd.DataFrame, past: PastFeatures, parameters: FeatureParameters) -> Iterator[HeldOutSlates]:
    people = pd.Index(rows["recipient_id"].unique())
    instants = pd.MultiIndex.from_arrays([pd.Index(past.features.recipient_id), past.as_of])
    for placement in sorted(rows["placement"].unique()):
        slates = slates_of(rows, placement, people)
        if len(slates.variants) > 1:
            place = instants.get_indexer(pd.MultiIndex.from_arrays([pd.Index(slates.recipient_id), slates.decided_at]))
            yield HeldOutSlates(slates, len(people), past.features.take(place.astype(np.int64)), parameters)


def _facts(slates: Slates, parameters: FeatureParameters) -> list[VariantFacts]:
    catalogue = {v.key: v for v in parameters.spec.variants}
    pairs = zip(slates.variants, slates.categories, strict=True)
    return [catalogue.get(variant_key(slates.placement, v), VariantFacts(slates.placement, v, c)) for v, c in pairs]


def gains_of(part: HeldOutSlates, theta: tuple[float, ...]) -> Doubles:
    """What the log would hold, up to a constant, had it shown every variant everywhere alike: float64[n, K].

    Outcomes over the logged propensity of their variant at their position, which takes the logger out and needs no θ; without
    propensities outcomes over θ, which takes the position out but not the logger's choice of what to show.
    """
    if part.propensities_known:
        return np.asarray(part.slates.reward * inverse_propensities(part.slates.propensity) / len(part.slates.variants))
    return np.asarray(part.slates.reward / part.slates.examined(theta))


def ndcg_of(parts: Sequence[HeldOutSlates], scores: Sequence[Doubles], theta: tuple[float, ...]) -> float | None:
    """NDCG of the outcomes of all placements under scores float64[n, V] each (`ndcg.logged_ndcg`); None without any outcome."""
    found = [(gains_of(part, theta), part, score) for part, score in zip(parts, scores, strict=True)]
    values = [(float(gains.sum()), logged_ndcg(_offered(part, score), part.slates.item, gains)) for gains, part, score in found]
    known = [(weight, value) for weight, value in values if value is not None]
    return sum(weight * value for weight, value in known) / sum(weight for weight, _ in known) if known else None


def _offered(part: HeldOutSlates, scores: Doubles) -> Doubles:
    return np.where(part.slates.candidate, scores, -np.inf)
