"""The training matrix: features of decisions that were taken, one row per decision."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from ranking.features.compute import compute_features
from ranking.features.parameters import FeatureParameters
from ranking.features.variants import age_feature, ages_at, category_rows, encode_variants
from ranking.history import History
from ranking.labels import spine_frame
from ranking.layout import FeatureFrame, Floats
from ranking.specification import VariantFacts, variant_key


@dataclass(frozen=True, slots=True)
class Design:
    """`matrix` float32[n, features] in the model's order, with the label and position (1, 2, …) of each row; `seen` bool[n]: positions
    that are known to have been looked at, where there is nothing to be made up for."""

    matrix: Floats
    label: npt.NDArray[np.float64]
    position: npt.NDArray[np.int64]
    seen: npt.NDArray[np.bool_]

    def part(self, mask: npt.NDArray[np.bool_]) -> "Design":
        """The rows of the mask."""
        return Design(self.matrix[mask], self.label[mask], self.position[mask], self.seen[mask])

    def offset(self, theta: tuple[float, ...]) -> npt.NDArray[np.float64]:
        """log θ of each row's position, 0 where it was seen; positions beyond the last known are like the last."""
        return np.where(self.seen, 0.0, np.log(theta)[np.minimum(self.position, len(theta)) - 1])


@dataclass(frozen=True, slots=True)
class PastFeatures:
    """Features of each distinct recipient and instant among n decisions, with the instants; `place` int64[n] is a decision's row."""

    features: FeatureFrame
    as_of: pd.Series
    place: npt.NDArray[np.int64]

    def since(self, instant: datetime) -> FeatureFrame:
        """Those of an instant and later."""
        return self.features.take(np.flatnonzero((self.as_of >= instant).to_numpy(dtype=bool)))


def past_features(
    rows: pd.DataFrame, recipients: pd.DataFrame, history: History, parameters: FeatureParameters, *, threads: int = 2
) -> PastFeatures:
    """What was known of the recipient when each of these decisions was taken."""
    spine, place = spine_frame(rows, recipients)
    return PastFeatures(compute_features(spine, history, parameters, threads=threads), spine["as_of"], place)


def design_of(rows: pd.DataFrame, past: PastFeatures, parameters: FeatureParameters) -> Design:
    """The matrix of every decision: features of its recipient, of recipient and category, and of its variant."""
    features, place = past.features, past.place
    variants, which = facts_of_rows(rows, parameters)
    category = category_rows(variants, parameters.layout)[which]
    cross = features.cross[place, category]
    cross[category < 0] = np.nan
    own = encode_variants(variants, parameters.layout)[which]
    at_us = rows["decided_at"].dt.as_unit("us").to_numpy(dtype="datetime64[us]").astype(np.int64)
    own[:, age_feature(parameters.layout)] = ages_at(variants, parameters.first_seen, which, at_us)
    matrix = np.hstack([features.recipient[place], cross, own])
    seen = rows["seen"].to_numpy(dtype=bool) if "seen" in rows else np.zeros(len(rows), dtype=bool)
    return Design(matrix, rows["label"].to_numpy(dtype=np.float64), rows["position"].to_numpy(dtype=np.int64), seen)


def facts_of_rows(rows: pd.DataFrame, parameters: FeatureParameters) -> tuple[list[VariantFacts], npt.NDArray[np.int64]]:
    """The distinct variants of decisions, and each row's place among them. What the catalogue lacks is taken from the decision."""
    known = {v.key: v for v in parameters.spec.variants}
    pairs = rows[["placement", "variant", "category"]].drop_duplicates(["placement", "variant"])
    facts = [known.get(variant_key(p, v), VariantFacts(p, v, c)) for p, v, c in pairs.itertuples(index=False)]
    at = {v.key: place for place, v in enumerate(facts)}
    keys = rows["placement"].astype("str") + "/" + rows["variant"].astype("str")
    return facts, np.asarray(keys.map(at), dtype=np.int64)
