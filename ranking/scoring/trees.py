"""LightGBM's trees, read from the text of a model.

Format and decision rules as in LightGBM's own `tree.h` and `tree.cpp` (v4): bit 0 of a decision type marks a categorical split, bit 1
that missing values go left, bits 2–3 what counts as missing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from domain.errors import FinalError

ZERO = float(np.float32(1e-35))  # LightGBM's kZeroThreshold: what lies within ± it is zero

_CATEGORICAL, _DEFAULT_LEFT, _MISSING_SHIFT, _MISSING_MASK = 1, 2, 2, 3
_WORD = 32


class Missing(IntEnum):
    """What a numerical split takes as missing; what it does not take so counts as 0 when it is NaN."""

    NONE = 0
    ZERO = 1
    NAN = 2


@dataclass(frozen=True, slots=True)
class Split:
    """An inner node. Children ≥ 0 are splits, others leaf ~child. A categorical split sends `categories` left and all else right."""

    feature: int
    threshold: float
    missing: Missing
    default_left: bool
    categories: frozenset[int] | None
    left: int
    right: int

    def left_of(self, value: float) -> bool:
        """Whether a value of a numerical split goes left."""
        if np.isnan(value) and self.missing is not Missing.NAN:
            value = 0.0
        if np.isnan(value) or (self.missing is Missing.ZERO and -ZERO <= value <= ZERO):
            return self.default_left
        return value <= self.threshold


@dataclass(frozen=True, slots=True)
class Tree:
    """Splits (the first is the root) and leaf values float64[L]; a tree of one leaf has no split."""

    splits: tuple[Split, ...]
    leaves: npt.NDArray[np.float64]


class UnsupportedForestError(FinalError):
    """A kind of LightGBM model that the trees here cannot express."""


def parse_forest(text: str) -> tuple[Tree, ...]:
    """The trees of a model. UnsupportedForestError for linear trees, several classes, and averaged output (random forests)."""
    head, *blocks = text.split("\nTree=")
    header = _fields(head)
    if header.get("num_class", "1") != "1":
        raise UnsupportedForestError("a model of several classes")
    if "average_output" in head.split("\n"):
        raise UnsupportedForestError("a random forest, whose output is averaged")
    return tuple(_tree(_fields(block.split("end of trees")[0])) for block in blocks)


def _fields(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.split("\n") if "=" in line)


def _tree(fields: Mapping[str, str]) -> Tree:
    if fields.get("is_linear", "0") != "0":
        raise UnsupportedForestError("linear trees")
    leaves = np.array(fields["leaf_value"].split(), dtype=np.float64)
    return Tree(tuple(_splits(fields)) if len(leaves) > 1 else (), leaves)


def _splits(fields: Mapping[str, str]) -> Iterator[Split]:
    sets = _category_sets(fields)
    names = ("split_feature", "decision_type", "left_child", "right_child")
    columns = ([int(word) for word in fields[name].split()] for name in names)
    thresholds = (float(word) for word in fields["threshold"].split())
    for feature, kind, left, right, threshold in zip(*columns, thresholds, strict=True):
        categories = sets[int(threshold)] if kind & _CATEGORICAL else None
        missing = Missing(kind >> _MISSING_SHIFT & _MISSING_MASK)
        yield Split(feature, threshold, missing, bool(kind & _DEFAULT_LEFT), categories, left, right)


def _category_sets(fields: Mapping[str, str]) -> list[frozenset[int]]:
    """The bit sets of categorical splits: 32 categories per word, several words per split."""
    if fields.get("num_cat", "0") == "0":
        return []
    bounds = [int(word) for word in fields["cat_boundaries"].split()]
    words = [int(word) for word in fields["cat_threshold"].split()]
    return [_bits(words[start:end]) for start, end in pairwise(bounds)]


def _bits(words: list[int]) -> frozenset[int]:
    return frozenset(at * _WORD + bit for at, word in enumerate(words) for bit in range(_WORD) if word >> bit & 1)
