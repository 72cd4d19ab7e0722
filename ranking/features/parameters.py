"""Fitted parameters of the features, stored with the model version; serving never fits anything."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from ranking.features.embeddings import ItemVectors
from ranking.features.engagement import RatePrior
from ranking.features.searches import SearchWords
from ranking.features.segment_names import Names, new_names
from ranking.features.segment_points import Scale
from ranking.features.segment_stability import Stability
from ranking.features.segments import Segments
from ranking.layout import Layout
from ranking.specification import FeatureSpec

ENOUGH_ROWS = 1_000  # recipients and instants, below which a window is too thin to fit on


@dataclass(frozen=True, slots=True)
class FeatureParameters:
    """All that `compute_features` needs beside history. `fitted_rows` is how many rows of the spine were fitted on,
    `fitted_since` the start of their window; `first_seen` tells when a variant was first known to be shown;
    `interests` are the shares of categories in what people do on the site (models from before they were looked at have none);
    `words` tell what a search is about."""

    spec: FeatureSpec
    layout: Layout
    as_of: datetime
    fitted_since: datetime
    fitted_rows: int
    half_life_days: float
    priors: tuple[RatePrior, ...]
    overall_prior: RatePrior
    first_seen: Mapping[str, datetime]
    segments: Segments | None
    items: ItemVectors | None
    interests: tuple[float, ...] = ()
    words: SearchWords = field(default_factory=SearchWords)

    @property
    def note(self) -> str | None:
        """What the model card says of a window that was too thin to fit on; None where it was not."""
        asked = self.as_of - self.spec.fit_window
        if self.fitted_since >= asked and self.fitted_rows >= ENOUGH_ROWS:
            return None
        found = f"features were fitted on {self.fitted_rows:,} recipients and instants since {self.fitted_since:%Y-%m-%d}"
        return f"The {self.spec.fit_window.days} days before {self.as_of:%Y-%m-%d} hold too little to fit features on: {found}."

    def to_files(self) -> dict[str, bytes]:
        """Files by name; equal parameters give equal bytes."""
        files = {"parameters.json": _ADAPTER.dump_json(_Stored.of(self), indent=1)}
        if self.segments:
            files |= {f"segments_{name}.npy": array_bytes(array) for name, array in _arrays(self.segments).items()}
        if self.items:
            files |= {f"items_{name}.npy": array_bytes(getattr(self.items, name)) for name in ("vectors", "categories")}
        return files

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "FeatureParameters":
        """The inverse of `to_files`."""
        stored = _ADAPTER.validate_json(files["parameters.json"])
        segments = items = None
        if "segments_centroids.npy" in files:
            clip, deviation, centroids = (array_of(files[f"segments_{name}.npy"]) for name in _ARRAYS)
            told = stored.segments or _StoredSegments(new_names(len(centroids)), ())  # older models named them by their order
            segments = Segments(Scale(clip, deviation), centroids, told.names, told.stability)
        if stored.items is not None:
            items = ItemVectors(stored.items, *(array_of(files[f"items_{name}.npy"]) for name in ("vectors", "categories")))
        return stored.restored(segments, items)


_ARRAYS = ("clip", "scale", "centroids")


def _arrays(segments: Segments) -> dict[str, npt.NDArray[np.float64]]:
    return dict(zip(_ARRAYS, (segments.scale.clip, segments.scale.deviation, segments.centroids), strict=True))


@dataclass(frozen=True, slots=True)
class _StoredSegments:
    """What is told of segments beside their arrays."""

    names: Names
    stability: tuple[Stability, ...]


_BESIDE = ("items", "segments")


@dataclass(frozen=True, slots=True)
class _Stored:
    """The part of the parameters that is JSON; arrays stand beside it in files of their own."""

    spec: FeatureSpec
    layout: Layout
    as_of: datetime
    fitted_since: datetime
    fitted_rows: int
    half_life_days: float
    priors: tuple[RatePrior, ...]
    overall_prior: RatePrior
    first_seen: Mapping[str, datetime]
    items: tuple[str, ...] | None
    segments: _StoredSegments | None = None
    interests: tuple[float, ...] = ()
    words: SearchWords = field(default_factory=SearchWords)

    @classmethod
    def of(cls, parameters: FeatureParameters) -> "_Stored":
        shared = {name: getattr(parameters, name) for name in cls.__slots__ if name not in _BESIDE}
        segments = _StoredSegments(parameters.segments.names, parameters.segments.stability) if parameters.segments else None
        return cls(**shared, segments=segments, items=parameters.items.items if parameters.items else None)

    def restored(self, segments: Segments | None, items: ItemVectors | None) -> FeatureParameters:
        shared = {name: getattr(self, name) for name in self.__slots__ if name not in _BESIDE}
        return FeatureParameters(**shared, segments=segments, items=items)


_ADAPTER = TypeAdapter(_Stored)


def array_bytes(array: npt.NDArray[np.generic]) -> bytes:
    """NumPy's own file format: exact, and the same bytes for the same array."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def array_of(data: bytes) -> npt.NDArray[Any]:
    """The array of `array_bytes`."""
    return np.asarray(np.load(io.BytesIO(data), allow_pickle=False))
