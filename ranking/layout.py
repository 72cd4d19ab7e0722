"""The layout of features: names, kinds and vocabularies, in the order in which the model sees them.

Three groups: of the recipient, of recipient × category, of the variant. The matrix of recipients × variants is
never assembled for serving; the groups are what makes that possible.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.hashing import key_of

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature. With a vocabulary it is categorical: its value is the index of the word, NaN for any other word."""

    name: str
    vocabulary: tuple[str, ...] | None = None

    @property
    def categorical(self) -> bool:
        return self.vocabulary is not None

    def encode(self, values: pd.Series) -> Floats:
        """float32[n] of the series: codes or numbers; unknown and missing are NaN."""
        if self.vocabulary is None:
            return pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float32, na_value=np.nan)
        codes = pd.Categorical(values.astype("str"), categories=list(self.vocabulary)).codes.astype(np.float32)
        codes[codes < 0] = np.nan
        return codes

    def decode(self, column: Floats) -> pd.Series:
        """For people: numbers as they are, codes as their words."""
        if self.vocabulary is None:
            return pd.Series(column)
        codes = np.where(np.isnan(column), -1, column).astype(np.int32)
        return pd.Series(pd.Categorical.from_codes(codes, categories=pd.Index(self.vocabulary, dtype="str")))


@dataclass(frozen=True, slots=True)
class Layout:
    """The features of a model, group by group; `categories` names the rows of the cross features."""

    recipient: tuple[Feature, ...]
    cross: tuple[Feature, ...]
    variant: tuple[Feature, ...]
    categories: tuple[str, ...]

    @property
    def features(self) -> tuple[Feature, ...]:
        """All features in the order of the model's columns."""
        return self.recipient + self.cross + self.variant

    @property
    def categorical(self) -> list[int]:
        """Columns that hold codes."""
        return [at for at, feature in enumerate(self.features) if feature.categorical]

    @property
    def digest(self) -> str:
        """Changes when a feature is added, lost, moved or gets other words."""
        return f"{key_of(repr(self)):016x}"


@dataclass(frozen=True, slots=True)
class FeatureFrame:
    """Features of n rows of the spine: `recipient` float32[n, R] and `cross` float32[n, categories, C]."""

    layout: Layout
    recipient_id: npt.NDArray[np.object_]
    recipient: Floats
    cross: Floats

    def __len__(self) -> int:
        return len(self.recipient_id)

    def take(self, rows: npt.NDArray[np.int64]) -> "FeatureFrame":
        """The given rows, in that order."""
        return FeatureFrame(self.layout, self.recipient_id[rows], self.recipient[rows], self.cross[rows])

    def cut(self, lengths: Sequence[int]) -> "list[FeatureFrame]":
        """Consecutive parts of these lengths, which add up to n; they share this frame's memory."""
        ends = np.cumsum([0, *lengths])
        parts = [slice(start, end) for start, end in pairwise(ends.tolist())]
        return [FeatureFrame(self.layout, self.recipient_id[part], self.recipient[part], self.cross[part]) for part in parts]

    def to_pandas(self) -> pd.DataFrame:
        """One row per recipient as kept in the lake; cross features are columns `name.category`."""
        columns: dict[str, object] = {"recipient_id": self.recipient_id}
        columns |= {f.name: f.decode(self.recipient[:, at]) for at, f in enumerate(self.layout.recipient)}
        for name, c, k in self._cross_columns():
            columns[name] = self.cross[:, k, c]
        return pd.DataFrame(columns)

    def _cross_columns(self) -> Iterable[tuple[str, int, int]]:
        for c, feature in enumerate(self.layout.cross):
            for k, category in enumerate(self.layout.categories):
                yield f"{feature.name}.{category}", c, k

    @classmethod
    def from_pandas(cls, frame: pd.DataFrame, layout: Layout) -> "FeatureFrame":
        """The inverse of `to_pandas`, for features as served."""
        recipient = np.empty((len(frame), len(layout.recipient)), dtype=np.float32)
        for at, feature in enumerate(layout.recipient):
            recipient[:, at] = feature.encode(frame[feature.name])
        built = cls(
            layout,
            frame["recipient_id"].to_numpy(dtype=object),
            recipient,
            np.empty((len(frame), len(layout.categories), len(layout.cross)), dtype=np.float32),
        )
        for name, c, k in built._cross_columns():
            built.cross[:, k, c] = frame[name].to_numpy(dtype=np.float32)
        return built
