"""The training matrix: features of decisions that were taken, one row per decision."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ranking.features import compute_features
from ranking.history import History
from ranking.labels import spine_frame
from ranking.layout import Floats
from ranking.parameters import FeatureParameters
from ranking.specification import VariantFacts, variant_key
from ranking.variants import age_feature, category_rows, encode_variants, first_shown


@dataclass(frozen=True, slots=True)
class Design:
    """`matrix` float32[n, features] in the model's order, with the label and position (1, 2, …) of each row."""

    matrix: Floats
    label: npt.NDArray[np.float64]
    position: npt.NDArray[np.int64]

    def part(self, mask: npt.NDArray[np.bool_]) -> "Design":
        """The rows of the mask."""
        return Design(self.matrix[mask], self.label[mask], self.position[mask])

    def offset(self, theta: tuple[float, ...]) -> npt.NDArray[np.float64]:
        """log θ of each row's position; positions beyond the last known are like the last."""
        return np.asarray(np.log(theta)[np.minimum(self.position, len(theta)) - 1])


def design_of(rows: pd.DataFrame, recipients: pd.DataFrame, history: History, parameters: FeatureParameters, *, threads: int = 2) -> Design:
    """Features of every decision as of the instant it was taken."""
    spine, place = spine_frame(rows, recipients)
    features = compute_features(spine, history, parameters, threads=threads)
    variants, which = facts_of_rows(rows, parameters)
    category = category_rows(variants, parameters.layout)[which]
    cross = features.cross[place, category]
    cross[category < 0] = np.nan
    own = encode_variants(variants, parameters.layout)[which]
    _fill_age(own, rows, variants, which, parameters)
    matrix = np.hstack([features.recipient[place], cross, own])
    return Design(matrix, rows["label"].to_numpy(dtype=np.float64), rows["position"].to_numpy(dtype=np.int64))


def facts_of_rows(rows: pd.DataFrame, parameters: FeatureParameters) -> tuple[list[VariantFacts], npt.NDArray[np.int64]]:
    """The distinct variants of decisions, and each row's place among them. What the catalogue lacks is taken from the decision."""
    known = {v.key: v for v in parameters.spec.variants}
    pairs = rows[["placement", "variant", "category"]].drop_duplicates(["placement", "variant"])
    facts = [known.get(variant_key(p, v), VariantFacts(p, v, c)) for p, v, c in pairs.itertuples(index=False)]
    at = {v.key: place for place, v in enumerate(facts)}
    keys = rows["placement"].astype("str") + "/" + rows["variant"].astype("str")
    return facts, np.asarray(keys.map(at), dtype=np.int64)


def _fill_age(
    own: Floats, rows: pd.DataFrame, variants: list[VariantFacts], which: npt.NDArray[np.int64], parameters: FeatureParameters
) -> None:
    """Ages by whole days, as `variants.ages` gives them for one instant."""
    since = [first_shown(v, parameters.first_seen) for v in variants]
    first = pd.Series(pd.to_datetime(pd.Series(since, dtype=object), utc=True)).dt.normalize().iloc[which].reset_index(drop=True)
    days = (rows["decided_at"].reset_index(drop=True).dt.normalize() - first).dt.days
    own[:, age_feature(parameters.layout)] = np.maximum(days.fillna(0.0), 0.0).to_numpy(dtype=np.float32)
