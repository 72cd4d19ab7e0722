"""Behaviour as points: counts made comparable, and the nearest of some centroids."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ranking.features.products import products

Behaviour = npt.NDArray[np.float64]

_CLIP = 0.995


@dataclass(frozen=True, slots=True)
class Scale:
    """Per behaviour its clip (after log1p) and its deviation, float64[B]."""

    clip: npt.NDArray[np.float64]
    deviation: npt.NDArray[np.float64]

    def points(self, behaviour: Behaviour) -> Behaviour:
        """Counts as points between which distances mean something, float64[n, B]."""
        return np.asarray(np.minimum(np.log1p(behaviour), self.clip) / self.deviation)

    def moved(self, points: Behaviour, scale: "Scale") -> Behaviour:
        """Points of this scale on another."""
        return np.asarray(np.minimum(points * self.deviation, scale.clip) / scale.deviation)


def fit_scale(behaviour: Behaviour) -> Scale:
    """Clipped at a high quantile, so that a few heavy buyers do not make the scale; a constant behaviour has no weight."""
    logged = np.log1p(behaviour)
    clip = np.quantile(logged, _CLIP, axis=0)
    return Scale(clip, np.maximum(np.minimum(logged, clip).std(axis=0), 1e-9))


def nearest(points: Behaviour, centroids: Behaviour) -> npt.NDArray[np.intp]:
    """The nearest centroid of each point, int[n]; the first of several."""
    return np.asarray(((centroids**2).sum(axis=1) - 2 * products(points, centroids)).argmin(axis=1))
