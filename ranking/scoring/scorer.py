"""The scorer: every recipient against every variant, without ever assembling recipients × variants.

The forest is compiled once into bit vectors; forests that they cannot hold (`compile_forest`: a tree of more than 64 leaves) are
left to `Booster.predict`, variant by variant. Both give the same numbers; `method_of` says which one is at work.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from typing import Protocol

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from ranking.features.variants import age_feature, ages, category_rows, encode_variants
from ranking.layout import FeatureFrame, Floats, Layout
from ranking.model import Head
from ranking.scoring.bit_vectors import BitVectors, compile_forest
from ranking.scoring.kernels import masks_of, rows_of, sum_leaves
from ranking.scoring.trees import parse_forest
from ranking.specification import VariantFacts

_BLOCK = 8_192  # recipients scored at a time: what is in flight stays in the cache, whatever the audience


class Method(StrEnum):
    """How a model's scores are computed."""

    BIT_VECTORS = "bit vectors"
    BOOSTER = "Booster.predict"


class Fitted(Protocol):
    """The feature parameters that scoring reads."""

    @property
    def layout(self) -> Layout: ...

    @property
    def first_seen(self) -> Mapping[str, datetime]: ...


class Scorable(Protocol):
    """What scoring reads of a model: a `RankingModel`, or a forest without a card."""

    @property
    def forest(self) -> str: ...

    @property
    def head(self) -> Head: ...

    @property
    def parameters(self) -> Fitted: ...


def score(model: Scorable, features: FeatureFrame, variants: Sequence[VariantFacts], as_of: datetime) -> Floats:
    """Calibrated log-rate at position 1 of each variant for each recipient, float32[n, V]; `np.exp` of it is the rate."""
    own, category = variant_rows(model, variants, as_of), category_rows(variants, model.parameters.layout)
    out = np.empty((len(features), len(variants)), dtype=np.float32)
    for start in range(0, len(features), _BLOCK):
        block = slice(start, start + _BLOCK)
        raw = forest_sums(model.forest, features.recipient[block], features.cross[block], own, category)
        out[block] = model.head.log_rate(raw)
    return out


def method_of(model: Scorable) -> Method:
    """Whether the model's forest fits into bit vectors."""
    layout = model.parameters.layout
    compiled = _compiled(model.forest, len(layout.recipient), len(layout.cross), len(layout.variant))
    return Method.BOOSTER if compiled is None else Method.BIT_VECTORS


def variant_rows(model: Scorable, variants: Sequence[VariantFacts], as_of: datetime) -> Floats:
    """The variants' own features as of an instant, float32[V, features of variants]."""
    own = encode_variants(variants, model.parameters.layout)
    own[:, age_feature(model.parameters.layout)] = ages(variants, model.parameters.first_seen, as_of)
    return own


def forest_sums(forest: str, recipient: Floats, cross: Floats, variant: Floats, category: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The forest's sums float64[n, V] for recipients [n, R], recipients × categories [n, K, C] and variants [V, F].

    `category` int64[V] is each variant's row among the categories, −1 for one whose cross features are all unknown. Raises
    UnsupportedForestError for linear trees, several classes and random forests.
    """
    compiled = _compiled(forest, recipient.shape[1], cross.shape[2], variant.shape[1])
    if compiled is None:
        return _by_booster(forest, recipient, cross, variant, category)
    used, place = np.unique(category, return_inverse=True)  # categories that any variant has; −1 comes first
    wanted = cross[:, np.maximum(used, 0)] if cross.shape[1] else np.full((len(cross), len(used), cross.shape[2]), np.nan, np.float32)
    wanted[:, used < 0] = np.nan
    return _by_bit_vectors(compiled, recipient, wanted, variant, place.astype(np.int64))


@lru_cache(maxsize=8)
def _compiled(forest: str, recipient: int, cross: int, variant: int) -> BitVectors | None:
    ends = np.cumsum([0, recipient, cross, variant]).tolist()
    return compile_forest(parse_forest(forest), [range(a, b) for a, b in pairwise(ends)])


def _by_bit_vectors(
    compiled: BitVectors, recipient: Floats, cross: Floats, variant: Floats, place: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    own, crossed, theirs = compiled.groups
    n, categories, features = cross.shape
    cross_rows = rows_of(cross.reshape(n * categories, features), crossed).reshape(n, categories, -1)
    variant_masks = masks_of(rows_of(variant, theirs), theirs.masks)
    found: npt.NDArray[np.float64] = sum_leaves(
        rows_of(recipient, own), own.masks, cross_rows, crossed.masks, variant_masks, place, compiled.leaves
    )
    return found


def _by_booster(forest: str, recipient: Floats, cross: Floats, variant: Floats, category: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Variant by variant on one reused matrix."""
    booster, out = _booster(forest), np.empty((len(recipient), len(variant)))
    r, c = recipient.shape[1], cross.shape[2]
    matrix = np.empty((len(recipient), r + c + variant.shape[1]), dtype=np.float32)
    matrix[:, :r] = recipient
    for v, k in enumerate(category):
        matrix[:, r : r + c] = cross[:, k] if k >= 0 else np.nan
        matrix[:, r + c :] = variant[v]
        out[:, v] = np.asarray(booster.predict(matrix, raw_score=True, num_threads=1))
    return out


@lru_cache(maxsize=2)
def _booster(forest: str) -> lgb.Booster:
    return lgb.Booster(model_str=forest)
