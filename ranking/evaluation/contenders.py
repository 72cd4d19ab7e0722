"""The models that an evaluation is about, and what they would have said at the instant of each logged decision."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ranking.features.compute import compute_features
from ranking.history import History
from ranking.labels import spine_frame
from ranking.layout import FeatureFrame
from ranking.model import RankingModel
from ranking.policies.slates import Doubles, Slates
from ranking.scoring.scorer import score
from ranking.specification import PRIOR_EXAMINATION, VariantFacts, variant_key


@dataclass(frozen=True, slots=True)
class Contender:
    """A model by its role. `trained_on` are the recipients its training was limited to (None: all), whose decisions it has seen."""

    role: str
    model: RankingModel
    trained_on: Collection[str] | None = None

    def seen(self, rows: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Rows of which the model has seen the outcome, bool[n]."""
        card = self.model.card
        seen = card.split.seen(rows["recipient_id"], rows["decided_at"]) & rows["placement"].isin(card.placements).to_numpy()
        return seen if self.trained_on is None else seen & rows["recipient_id"].isin(self.trained_on).to_numpy()


def seen_by_any(rows: pd.DataFrame, contenders: Sequence[Contender]) -> npt.NDArray[np.bool_]:
    """Rows that would flatter at least one of the models, bool[n]."""
    out = np.zeros(len(rows), dtype=bool)
    for contender in contenders:
        out |= contender.seen(rows)
    return out


@dataclass(frozen=True, slots=True)
class Informed:
    """A contender with the features of every (recipient, instant) in the log."""

    contender: Contender
    spine: pd.DataFrame
    features: FeatureFrame

    def log_rates(self, slates: Slates) -> Doubles:
        """float64[n, V], as of the instant each slate was decided; scored by day, on which variants' ages depend.

        For what was decided before the model was trained its witness speaks, which has not seen what was held out.
        """
        index = pd.MultiIndex.from_arrays([self.spine["recipient_id"], self.spine["as_of"]])
        place = index.get_indexer(pd.MultiIndex.from_arrays([pd.Index(slates.recipient_id), slates.decided_at]))
        facts = _facts(slates, self.contender.model)
        out = np.empty(slates.candidate.shape)
        model = self.contender.model
        later = (slates.decided_at >= model.card.split.until).to_numpy(dtype=bool)
        for day, at in slates.decided_at.groupby(slates.decided_at.dt.normalize()).groups.items():
            for speaks, rows in ((model, np.asarray(at)[later[at]]), (model.as_judged, np.asarray(at)[~later[at]])):
                features = self.features.take(place[rows].astype(np.int64))
                out[rows] = score(speaks, features, facts, pd.Timestamp(str(day)).to_pydatetime())
        return out


def informed(contender: Contender, rows: pd.DataFrame, recipients: pd.DataFrame, history: History, *, threads: int) -> Informed:
    """Features of the rows as the contender's parameters define them; only what was received before each decision counts."""
    spine, _ = spine_frame(rows, recipients)
    return Informed(contender, spine, compute_features(spine, history, contender.model.parameters, threads=threads))


def theta_of(contenders: Sequence[Contender], slates: Slates) -> Doubles:
    """Examination by position: the first model's, or the prior; beyond its length the last one stays."""
    return slates.examined(contenders[0].model.card.examination.theta if contenders else PRIOR_EXAMINATION)


def _facts(slates: Slates, model: RankingModel) -> list[VariantFacts]:
    catalogue = {v.key: v for v in model.parameters.spec.variants}
    pairs = zip(slates.variants, slates.categories, strict=True)
    return [catalogue.get(variant_key(slates.placement, v), VariantFacts(slates.placement, v, c)) for v, c in pairs]
