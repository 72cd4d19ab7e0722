"""Drift: how far the features that were served have moved from those that the model was fitted on.

The population stability index of a feature is Σ (q − p) · ln(q / p) over bins, p their shares when the model was fitted and q now
(Siddiqi, Credit Risk Scorecards, 2006). Bins are tenths of the fitted values for numbers, words for categories, and one for
"unknown". They are stored with the model version, so that serving never bins anew.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from ranking.layout import FeatureFrame, Floats

Counts = npt.NDArray[np.int64]

_TENTHS = 10
_HALF = 0.5  # rows added to every bin, so that an empty one does not make the index infinite
_WATCH, _DRIFTED = 0.1, 0.25  # the usual reading of the index


class Level(StrEnum):
    """What a stability index is usually taken to mean."""

    STABLE = "stable"
    WATCH = "watch"
    DRIFTED = "drifted"


@dataclass(frozen=True, slots=True)
class FeatureBins:
    """The bins of one feature and how many fitted rows fell into each; the last bin is "unknown".

    `edges` are the upper bounds (inclusive) of all known bins but the last; for a category they part its codes.
    """

    feature: str
    edges: tuple[float, ...]
    fitted: tuple[int, ...]

    def count(self, column: Floats) -> Counts:
        """How many values float32[n] fall into each bin, int64[bins]."""
        known = column[~np.isnan(column)]
        at = np.searchsorted(np.asarray(self.edges, dtype=np.float32), known, side="left")
        counts = np.bincount(at, minlength=len(self.fitted))
        counts[-1] = len(column) - len(known)
        return np.asarray(counts, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Drift:
    """One feature's index, its reading, and its share of unknown values when fitted and now."""

    feature: str
    psi: float
    level: Level
    unknown_fitted: float
    unknown_now: float


def fit_bins(features: FeatureFrame) -> tuple[FeatureBins, ...]:
    """The bins of every feature of recipients, and of recipients × categories, from the rows a model is fitted on."""
    return tuple(_bins(name, column, words) for name, column, words in _columns(features))


def _columns(features: FeatureFrame) -> Iterator[tuple[str, Floats, int | None]]:
    """Name, values float32[n] and number of words (None for numbers) of every column as it is kept in the lake."""
    for at, feature in enumerate(features.layout.recipient):
        yield feature.name, features.recipient[:, at], None if feature.vocabulary is None else len(feature.vocabulary)
    for at, feature in enumerate(features.layout.cross):
        for k, category in enumerate(features.layout.categories):
            yield f"{feature.name}.{category}", features.cross[:, k, at], None


def _bins(name: str, column: Floats, words: int | None) -> FeatureBins:
    known = column[~np.isnan(column)]
    edges: tuple[float, ...] = ()
    if words is not None:
        edges = tuple(map(float, range(words - 1)))
    elif len(known):
        edges = tuple(np.unique(np.quantile(known, np.arange(1, _TENTHS) / _TENTHS, method="lower")).tolist())
    empty = FeatureBins(name, edges, (0,) * (len(edges) + 2))
    return FeatureBins(name, edges, tuple(empty.count(column).tolist()))


def served_counts(bins: Sequence[FeatureBins], features: FeatureFrame) -> tuple[Counts, ...]:
    """How the rows of a frame of the same layout fall into the bins; counts of several frames may be added."""
    return tuple(one.count(column) for one, (_, column, _) in zip(bins, _columns(features), strict=True))


def added(parts: Iterable[Sequence[Counts]]) -> tuple[Counts, ...]:
    """The sums of counts, bin by bin."""
    return tuple(np.sum(columns, axis=0) for columns in zip(*parts, strict=True))


def drifts(bins: Sequence[FeatureBins], served: Sequence[Counts]) -> tuple[Drift, ...]:
    """Every feature's drift, the largest first."""
    found = [_drift(one, counts) for one, counts in zip(bins, served, strict=True)]
    return tuple(sorted(found, key=lambda drift: (-drift.psi, drift.feature)))


def _drift(bins: FeatureBins, counts: Counts) -> Drift:
    fitted = np.asarray(bins.fitted, dtype=np.float64)
    psi = stability_index(fitted, counts.astype(np.float64))
    unknown = [float(part[-1] / max(part.sum(), 1)) for part in (fitted, counts)]
    return Drift(bins.feature, psi, level_of(psi), *unknown)


def stability_index(fitted: npt.NDArray[np.float64], now: npt.NDArray[np.float64]) -> float:
    """The index of two rows of counts over the same bins; 0 if they are alike, and never negative."""
    occupied = (fitted + now) > 0
    p, q = ((part[occupied] + _HALF) / (part[occupied] + _HALF).sum() for part in (fitted, now))
    return float(((q - p) * np.log(q / p)).sum())


def level_of(psi: float) -> Level:
    """Stable under 0.1, drifted from 0.25 on."""
    return Level.STABLE if psi < _WATCH else Level.WATCH if psi < _DRIFTED else Level.DRIFTED
