"""Fitted parameters of the features, stored with the model version; serving never fits anything."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from ranking.embeddings import ItemVectors
from ranking.engagement import RatePrior
from ranking.layout import Layout
from ranking.segments import Segments
from ranking.specification import FeatureSpec


@dataclass(frozen=True, slots=True)
class FeatureParameters:
    """All that `compute_features` needs beside history. `fitted_rows` is how many rows of the spine were fitted on,
    `fitted_since` the start of their window; `first_seen` tells when a variant was first shown."""

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

    def to_files(self) -> dict[str, bytes]:
        """Files by name; equal parameters give equal bytes."""
        files = {"parameters.json": _ADAPTER.dump_json(_Stored.of(self), indent=1)}
        if self.segments:
            files |= {f"segments_{name}.npy": array_bytes(getattr(self.segments, name)) for name in ("clip", "scale", "centroids")}
        if self.items:
            files |= {f"items_{name}.npy": array_bytes(getattr(self.items, name)) for name in ("vectors", "categories")}
        return files

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "FeatureParameters":
        """The inverse of `to_files`."""
        stored = _ADAPTER.validate_json(files["parameters.json"])
        segments = items = None
        if stored.has_segments:
            segments = Segments(*(array_of(files[f"segments_{name}.npy"]) for name in ("clip", "scale", "centroids")))
        if stored.items is not None:
            items = ItemVectors(stored.items, *(array_of(files[f"items_{name}.npy"]) for name in ("vectors", "categories")))
        return stored.restored(segments, items)


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
    has_segments: bool
    items: tuple[str, ...] | None

    @classmethod
    def of(cls, parameters: FeatureParameters) -> "_Stored":
        shared = {name: getattr(parameters, name) for name in cls.__slots__ if name not in ("has_segments", "items")}
        return cls(**shared, has_segments=parameters.segments is not None, items=parameters.items.items if parameters.items else None)

    def restored(self, segments: Segments | None, items: ItemVectors | None) -> FeatureParameters:
        shared = {name: getattr(self, name) for name in self.__slots__ if name not in ("has_segments", "items")}
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
