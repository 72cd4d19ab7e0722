"""`purchase_history_embedding`: product2vec by ALS over recipients × items (Hu, Koren, Volinsky, ICDM 2008).

A recipient is the mean of the unit vectors of their last items; their affinity to a category is the cosine with the mean
unit vector of the category's items. Who has bought nothing, or nothing known, has no embedding: NaN.

Factors are turned onto their principal axes, which leaves every product between them as it is: whoever wants fewer numbers
than there are dimensions takes the first ones, and loses least (docs/adr/0010).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from implicit.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ranking.features.products import products

Vectors = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]

_MINIMUM_PURCHASES = 50
_MINIMUM_ITEMS = 3
_MOST_RECIPIENTS = 200_000
_ITERATIONS = 15
_NOISE_SHARE = 0.5
_LEAST_REGULARISATION = 0.05
_BLOCK = 65_536


@dataclass(frozen=True, slots=True)
class ItemVectors:
    """Items in order and their factors float32[I, d], longer for what many buy; per category the unit mean of its items'
    directions float32[K, d], NaN if it has none."""

    items: tuple[str, ...]
    vectors: Vectors
    categories: Vectors

    @property
    def dimensions(self) -> int:
        return int(self.vectors.shape[1])

    def places_of(self, items: Sequence[str]) -> Places:
        """The place of each item among these, int64; −1 for an item that is not one of them."""
        return np.asarray(pd.Index(self.items, dtype=object).get_indexer(pd.Index(items, dtype=object)), dtype=np.int64)


def fit_items(baskets: pd.DataFrame, categories: tuple[str, ...], dimensions: int, seed: int) -> ItemVectors | None:
    """Vectors from `recipient_id, item, category, times` (one row per pair); None if there is too little to learn from.

    Fewer dimensions than asked for where there are not more items than that. Of very many recipients a sample is learnt from.
    """
    baskets = _sampled(baskets, seed)
    items, column = np.unique(baskets["item"].to_numpy(dtype=str), return_inverse=True)
    if len(items) < _MINIMUM_ITEMS or len(baskets) < _MINIMUM_PURCHASES:
        return None
    _, row = np.unique(baskets["recipient_id"].to_numpy(dtype=str), return_inverse=True)
    confidence = 1 + np.log1p(baskets["times"].to_numpy(dtype=np.float32))
    factors = _factorise(csr_matrix((confidence, (row, column))), min(dimensions, len(items) - 1), seed)
    return ItemVectors(tuple(items.tolist()), factors, _category_means(baskets["category"], column, factors, categories))


def _sampled(baskets: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The rows of so many recipients at most: beyond them items gain little, and fitting takes a minute per million."""
    recipients = np.unique(baskets["recipient_id"].to_numpy(dtype=str))
    if len(recipients) <= _MOST_RECIPIENTS:
        return baskets
    drawn = np.random.default_rng(seed).choice(recipients, _MOST_RECIPIENTS, replace=False)
    return baskets[baskets["recipient_id"].isin(drawn)]


def _factorise(baskets: csr_matrix, dimensions: int, seed: int) -> Vectors:
    """Item factors float32[I, d] on principal axes; on one thread, so that equal data gives equal bytes."""
    with threadpool_limits(limits=1):
        als = AlternatingLeastSquares(
            factors=dimensions,
            iterations=_ITERATIONS,
            regularization=max(_NOISE_SHARE * _noise_edge(baskets), _LEAST_REGULARISATION),
            random_state=seed,
            num_threads=1,
            use_gpu=False,
        )
        als.fit(baskets, show_progress=False)
        return _on_principal_axes(np.asarray(als.item_factors, dtype=np.float64))


def _noise_edge(baskets: csr_matrix) -> float:
    """The largest singular value of a matrix of this size and density in which nobody has a taste: √(p(1−p)) · (√n + √I).

    ALS with regularisation λ takes λ off every singular value (Mazumder, Hastie, Tibshirani, JMLR 2010), so λ has to be of this
    size, whatever the size of the shop. Half of it was best or near best at each size and catalogue tried (docs/adr/0010).
    """
    n, items = baskets.shape
    density = baskets.nnz / (n * items)
    return float(np.sqrt(density * (1 - density)) * (np.sqrt(n) + np.sqrt(items)))


def _on_principal_axes(factors: npt.NDArray[np.float64]) -> Vectors:
    """The same factors, turned: axes by falling sum of squares, each pointing to where its longest item lies."""
    _, axes = np.linalg.eigh(factors.T @ factors)
    turned = factors @ axes[:, ::-1]
    longest = turned[np.abs(turned).argmax(axis=0), np.arange(turned.shape[1])]
    return np.asarray(turned * np.where(longest < 0, -1, 1), dtype=np.float32)


def _category_means(category: pd.Series, column: npt.NDArray[np.int64], factors: Vectors, categories: tuple[str, ...]) -> Vectors:
    """The unit mean of each category's items' directions, float32[K, d]. An item's category is the first that is known of it."""
    kind = pd.Series(category.to_numpy(dtype=object)).groupby(column).first().reindex(range(len(factors)))
    directions = unit(factors)
    means = np.full((len(categories), factors.shape[1]), np.nan, dtype=np.float32)
    for k, name in enumerate(categories):
        if (own := (kind == name).to_numpy(dtype=bool, na_value=False)).any():
            means[k] = unit(directions[own].mean(axis=0, keepdims=True))[0]
    return means


def unit(vectors: Vectors) -> Vectors:
    """Rows scaled to length 1; a zero row stays zero."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, 1), dtype=np.float32)


def embed(rows: Places, bought: Places, known: ItemVectors, n: int) -> Vectors:
    """Mean direction of each row's items, float32[n, d]; NaN for rows without a known item.

    `rows` and `bought` are pairs of a row and the place of an item among the known ones, −1 for others: int64[pairs] each.
    """
    return _means(_counts(rows, bought, known, n), unit(known.vectors))


@dataclass(frozen=True, slots=True)
class Tastes:
    """Of n recipients: the first axes of their embedding float32[n, a], and their cosine with each category float32[n, K]."""

    axes: Vectors
    affinity: Vectors


def no_tastes(n: int, categories: int) -> Tastes:
    """Where nothing is known of items."""
    return Tastes(np.empty((n, 0), np.float32), np.full((n, categories), np.nan, np.float32))


def tastes(rows: Places, bought: Places, known: ItemVectors, n: int, axes: int) -> Tastes:
    """What `embed` and `affinity` say, of the embedding only its first `axes`; whole embeddings are held for a block of rows at a time."""
    counts, directions = _counts(rows, bought, known, n), unit(known.vectors)
    out = Tastes(np.empty((n, min(axes, known.dimensions)), np.float32), np.empty((n, len(known.categories)), np.float32))
    for start in range(0, n, _BLOCK):
        block = slice(start, start + _BLOCK)
        embedding = _means(counts[block], directions)
        out.axes[block], out.affinity[block] = embedding[:, : out.axes.shape[1]], affinity(embedding, known)
    return out


def _counts(rows: Places, bought: Places, known: ItemVectors, n: int) -> csr_matrix:
    """How often each row names each known item, [n, I]."""
    at = bought >= 0
    return csr_matrix((np.ones(int(at.sum()), np.float32), (rows[at], bought[at])), shape=(n, len(known.items)))


def _means(counts: csr_matrix, directions: Vectors) -> Vectors:
    mean = np.asarray(counts @ directions, dtype=np.float32)
    with np.errstate(invalid="ignore"):
        mean /= np.asarray(counts.sum(axis=1), dtype=np.float32).reshape(-1, 1)  # 0/0 where nothing known was bought: NaN
    return mean


def affinity(embedding: Vectors, known: ItemVectors) -> Vectors:
    """Cosine of each recipient with each category, float32[n, K]; NaN where either is unknown."""
    return products(unit(embedding), known.categories)


def item_scores(embedding: Vectors, known: ItemVectors) -> Vectors:
    """How much each recipient is drawn to each item, popularity included, float32[n, I]: the order in which to recommend."""
    return np.asarray(embedding @ known.vectors.T, dtype=np.float32)
