"""Normalised discounted cumulative gain (Järvelin and Kekäläinen, TOIS 2002) of rankings by score.

Variants with equal scores share their places: each gets the mean discount of the places they take, so that no model
gains by the order in which variants happen to stand.
"""

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

PLACES = 5


def discounts(scores: Doubles, places: int = PLACES) -> Doubles:
    """1 / log2(1 + place) of every variant in its row's ranking by score, 0 beyond the last place: float64[n, V].

    A score of −inf is for what is no candidate.
    """
    n, variants = scores.shape
    order = np.argsort(-scores, axis=1, kind="stable")
    ranked = np.take_along_axis(scores, order, axis=1)
    new = np.ones((n, variants), dtype=bool)
    new[:, 1:] = ranked[:, 1:] != ranked[:, :-1]
    starts = np.flatnonzero(new)
    sums = np.add.reduceat(np.tile(_by_place(variants, places), n), starts)
    sizes = np.diff(np.append(starts, n * variants))
    out = np.empty((n, variants))
    np.put_along_axis(out, order, np.repeat(sums / sizes, sizes).reshape(n, variants), axis=1)
    return np.where(np.isneginf(scores), 0.0, out)


def _by_place(variants: int, places: int) -> Doubles:
    place = np.arange(variants)
    return np.where(place < places, 1 / np.log2(place + 2.0), 0.0)


def ndcg(scores: Doubles, gains: Doubles, places: int = PLACES) -> Doubles:
    """Of each row, float64[n] in [0, 1]: the gains [n, V] in the order of the scores [n, V] over those in the best order. NaN where
    there is nothing to gain."""
    ideal = -np.sort(-gains, axis=1) @ _by_place(gains.shape[1], places)
    found = (gains * discounts(scores, places)).sum(axis=1)
    return np.asarray(np.divide(found, ideal, out=np.full(len(gains), np.nan), where=ideal > 0))


def logged_ndcg(scores: Doubles, item: Integers, gains: Doubles, places: int = PLACES) -> float | None:
    """Of a log, where a slate's other gains are unknown: how far up the scores [n, V] put the variants that were clicked.

    `item` int64[n, K] is what was shown (−1: nothing), `gains` float64[n, K] what it brought. Each click is a ranking of its own with one
    thing to find, weighted by its gain; with gains over propensity and examination the log's own ranking drops out. None without any.
    """
    found = np.take_along_axis(discounts(scores, places), np.maximum(item, 0), axis=1)
    weight = np.where(item >= 0, gains, 0.0)
    return float((weight * found).sum() / weight.sum()) if weight.sum() > 0 else None
