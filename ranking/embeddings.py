"""`purchase_history_embedding`: product2vec by ALS over recipients × items (Hu, Koren, Volinsky, ICDM 2008).

A recipient is the mean of the unit vectors of their last items; their affinity to a category is the cosine with the mean
vector of the category's items. Who has bought nothing, or nothing known, has no embedding: NaN.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from implicit.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

Vectors = npt.NDArray[np.float32]

_MINIMUM_PURCHASES = 50
_MINIMUM_ITEMS = 3
_ITERATIONS = 15
_REGULARISATION = 0.05


@dataclass(frozen=True, slots=True)
class ItemVectors:
    """Items in order and their unit vectors float32[I, d]; per category the unit mean of its items float32[K, d], NaN if it has none."""

    items: tuple[str, ...]
    vectors: Vectors
    categories: Vectors

    @property
    def dimensions(self) -> int:
        return int(self.vectors.shape[1])


def fit_items(baskets: pd.DataFrame, categories: tuple[str, ...], dimensions: int, seed: int) -> ItemVectors | None:
    """Vectors from `recipient_id, item, category, times` (one row per pair); None if there is too little to learn from."""
    items, column = np.unique(baskets["item"].to_numpy(dtype=str), return_inverse=True)
    if len(items) < _MINIMUM_ITEMS or len(baskets) < _MINIMUM_PURCHASES:
        return None
    _, row = np.unique(baskets["recipient_id"].to_numpy(dtype=str), return_inverse=True)
    confidence = 1 + np.log1p(baskets["times"].to_numpy(dtype=np.float32))
    factors = _factorise(csr_matrix((confidence, (row, column))), min(dimensions, len(items) - 1), seed)
    kind = baskets.assign(column=column).drop_duplicates("column").set_index("column")["category"].reindex(range(len(items)))
    means = (
        np.stack([_mean(factors[(kind == category).to_numpy(dtype=bool, na_value=False)]) for category in categories])
        if categories
        else factors[:0]
    )
    return ItemVectors(tuple(items.tolist()), factors, means)


def _factorise(baskets: csr_matrix, dimensions: int, seed: int) -> Vectors:
    """Unit item factors float32[I, d]; on one thread, so that equal data gives equal bytes."""
    with threadpool_limits(limits=1):
        als = AlternatingLeastSquares(
            factors=dimensions, iterations=_ITERATIONS, regularization=_REGULARISATION, random_state=seed, num_threads=1, use_gpu=False
        )
        als.fit(baskets, show_progress=False)
    return unit(np.asarray(als.item_factors, dtype=np.float32))


def _mean(vectors: Vectors) -> Vectors:
    if not len(vectors):
        return np.full(vectors.shape[1], np.nan, dtype=np.float32)
    mean: Vectors = unit(vectors.mean(axis=0, keepdims=True))[0]
    return mean


def unit(vectors: Vectors) -> Vectors:
    """Rows scaled to length 1; a zero row stays zero."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, 1), dtype=np.float32)


def embed(rows: npt.NDArray[np.int64], items: npt.NDArray[np.object_], known: ItemVectors, n: int) -> Vectors:
    """Mean vector of each row's items, float32[n, d]; NaN for rows without a known item."""
    at = {item: place for place, item in enumerate(known.items)}
    column = np.fromiter((at.get(item, -1) for item in items), dtype=np.int64, count=len(items))
    rows, column = rows[column >= 0], column[column >= 0]
    times = np.bincount(rows, minlength=n).astype(np.float32)
    total = csr_matrix((np.ones(len(rows), np.float32), (rows, column)), shape=(n, len(known.items))) @ known.vectors
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(times[:, None] > 0, total / times[:, None], np.nan), dtype=np.float32)


def affinity(embedding: Vectors, known: ItemVectors) -> Vectors:
    """Cosine of each recipient with each category, float32[n, K]; NaN where either is unknown."""
    return np.asarray(unit(embedding) @ known.categories.T, dtype=np.float32)
