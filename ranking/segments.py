"""`segment_memberships`: behavioural clusters of recipients.

Behaviour is log1p of counts, clipped at stored quantiles and scaled by stored deviations; clusters are MiniBatchKMeans
centroids, the nearest one is a recipient's segment. A recipient without any history has none: unknown, not "segment 0".
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.cluster import MiniBatchKMeans
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

Behaviour = npt.NDArray[np.float64]

_CLIP = 0.995
_RECIPIENTS_PER_SEGMENT = 100
_FEWEST = 2
_BLOCK = 65_536


@dataclass(frozen=True, slots=True)
class Segments:
    """Fitted clusters: per behaviour its clip (after log1p) and scale, float64[B]; centroids float64[k, B], largest first."""

    clip: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    centroids: npt.NDArray[np.float64]

    @property
    def names(self) -> tuple[str, ...]:
        """Segments' names, the vocabulary of the feature."""
        return tuple(f"s{k:02d}" for k in range(len(self.centroids)))


def active(behaviour: Behaviour) -> npt.NDArray[np.bool_]:
    """Recipients with any history at all: bool[n]."""
    return np.asarray((behaviour > 0).any(axis=1))


def fit_segments(behaviour: Behaviour, bounds: tuple[int, int], seed: int) -> Segments | None:
    """Clusters of the active rows of behaviour float64[n, B]; None if there are too few for two of them."""
    rows = behaviour[active(behaviour)]
    k = min(bounds[0], len(rows) // _RECIPIENTS_PER_SEGMENT)
    if k < _FEWEST:
        return None
    logged = np.log1p(rows)
    clip = np.quantile(logged, _CLIP, axis=0)
    scale = np.maximum(np.minimum(logged, clip).std(axis=0), 1e-9)
    with threadpool_limits(limits=1):  # sums in one order: the same centroids on every machine
        found = MiniBatchKMeans(k, random_state=seed, batch_size=4096, n_init=3).fit(np.minimum(logged, clip) / scale)
    sizes = np.bincount(found.labels_, minlength=k)
    return Segments(clip, scale, np.asarray(found.cluster_centers_[np.argsort(-sizes, kind="stable")], dtype=np.float64))


def assign(behaviour: Behaviour, segments: Segments) -> npt.NDArray[np.float32]:
    """The nearest segment of each row as a code, float32[n]; NaN for rows without history."""
    out = np.full(len(behaviour), np.nan, dtype=np.float32)
    known = np.flatnonzero(active(behaviour))
    for start in range(0, len(known), _BLOCK):
        block = known[start : start + _BLOCK]
        out[block] = _nearest(np.minimum(np.log1p(behaviour[block]), segments.clip) / segments.scale, segments.centroids)
    return out


def _nearest(points: Behaviour, centroids: Behaviour) -> npt.NDArray[np.intp]:
    return np.asarray(((centroids**2).sum(axis=1) - 2 * points @ centroids.T).argmin(axis=1))
