"""`segment_memberships`: behavioural clusters of recipients.

Behaviour is log1p of counts, clipped at stored quantiles and scaled by stored deviations; clusters are MiniBatchKMeans
centroids, the nearest one is a recipient's segment. A recipient without any history has none: unknown, not "segment 0".

How many there are is chosen by stability (`segment_stability`). From one model to the next clusters start from where they
were, and keep their names where they are still the same recipients (`segment_names`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sklearn.cluster import MiniBatchKMeans
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ranking.features.segment_names import Names, matched_names, new_names
from ranking.features.segment_points import Behaviour, Scale, fit_scale, nearest
from ranking.features.segment_stability import Stability, candidates, most_stable, stability_of

_BATCH = 4_096
_BLOCK = 65_536
_WORSE = 1.05  # how much more spread within clusters is put up with for clusters that stay where they were


@dataclass(frozen=True, slots=True)
class Segments:
    """Fitted clusters: their scale, centroids float64[k, B], one name for each, and how stable each number tried was."""

    scale: Scale
    centroids: npt.NDArray[np.float64]
    names: Names
    stability: tuple[Stability, ...]


def active(behaviour: Behaviour) -> npt.NDArray[np.bool_]:
    """Recipients with any history at all: bool[n]."""
    return np.asarray((behaviour > 0).any(axis=1))


def fit_segments(behaviour: Behaviour, bounds: tuple[int, int], seed: int, previous: Segments | None = None) -> Segments | None:
    """Clusters of the active rows of behaviour float64[n, B], one row per recipient; `bounds` on their number.

    `previous`: segments of the model before; who stays among their like stays in a segment of the same name, and no name comes back.
    With too few rows for two clusters the previous ones stay as they are; None if there are none, or none of the same behaviours.
    """
    rows, before = behaviour[active(behaviour)], _comparable(previous, behaviour)
    tried = candidates(len(rows), bounds, len(before.centroids) if before else None)
    if not tried:
        return before
    with threadpool_limits(limits=1):  # sums in one order: the same centroids on every machine
        return _fit(rows, tried, seed, before, previous.names.issued if previous else 0)


def _fit(rows: Behaviour, tried: Sequence[int], seed: int, previous: Segments | None, issued: int) -> Segments:
    scale = fit_scale(rows)
    points = scale.points(rows)
    stability = stability_of(points, tried, seed)
    if previous is None:
        centroids = _occupied(_fresh(points, most_stable(stability, None), seed).cluster_centers_, points)
        return Segments(scale, centroids, new_names(len(centroids), issued), stability)
    k = most_stable(stability, len(previous.centroids))
    centroids = _occupied(_continued(points, k, seed, previous.scale.moved(previous.centroids, scale)), points)
    before = nearest(previous.scale.points(rows), previous.centroids)
    names = matched_names(before, nearest(points, centroids), previous.names, len(centroids))
    return _in_order_of_names(Segments(scale, centroids, names, stability))


def _comparable(previous: Segments | None, behaviour: Behaviour) -> Segments | None:
    """The previous segments, unless they are of other behaviours than today's."""
    return previous if previous and previous.centroids.shape[1] == behaviour.shape[1] else None


def _fresh(points: Behaviour, k: int, seed: int) -> MiniBatchKMeans:
    return MiniBatchKMeans(k, random_state=seed, batch_size=_BATCH, n_init=3).fit(points)


def _continued(points: Behaviour, k: int, seed: int, start: Behaviour) -> Behaviour:
    """k centroids float64[k, B]: from where they were, if that is as many and ends nearly as close to the points as a fresh start."""
    fresh = _fresh(points, k, seed)
    if len(start) == k:
        kept = MiniBatchKMeans(k, init=start, random_state=seed, batch_size=_BATCH, n_init=1, reassignment_ratio=0).fit(points)
        if kept.inertia_ <= _WORSE * fresh.inertia_:
            return np.asarray(kept.cluster_centers_)
    return np.asarray(fresh.cluster_centers_)


def _occupied(centroids: Behaviour, points: Behaviour) -> Behaviour:
    """Centroids that are the nearest of some point, those of most points first."""
    sizes = np.bincount(nearest(points, centroids), minlength=len(centroids))
    order = np.argsort(-sizes, kind="stable")
    return centroids[order[sizes[order] > 0]]


def _in_order_of_names(segments: Segments) -> Segments:
    order = np.argsort(segments.names.numbers, kind="stable")
    names = replace(segments.names, numbers=tuple(segments.names.numbers[at] for at in order))
    return replace(segments, centroids=segments.centroids[order], names=names)


def assign(behaviour: Behaviour, segments: Segments) -> npt.NDArray[np.float32]:
    """The nearest segment of each row as its place among the names, float32[n]; NaN for rows without history."""
    out = np.full(len(behaviour), np.nan, dtype=np.float32)
    known = np.flatnonzero(active(behaviour))
    for start in range(0, len(known), _BLOCK):
        block = known[start : start + _BLOCK]
        out[block] = nearest(segments.scale.points(behaviour[block]), segments.centroids)
    return out


def note(segments: Segments | None) -> str:
    """What the model card says of segments."""
    if segments is None:
        return "Too little behaviour for segments: segment_memberships is unknown for everyone."
    tried = ", ".join(f"{one.k}: {one.mean:.2f} ± {one.error:.2f}" for one in segments.stability)
    found = "agreement of bootstrap samples by their number (adjusted Rand index ± standard error)"
    return f"segment_memberships has {len(segments.centroids)} segments; {found}: {tried or 'not on record'}."
