"""A forest as bit vectors (QuickScorer, SIGIR 2015), factorised by groups of features.

The leaves of a tree are bits, the leftmost the highest. A split that sends a value right rules out the leaves to its left;
the exit leaf is the leftmost one that no split rules out. So each (feature, bin of its values) carries one mask per tree, and
masks are ANDed in any order: once per recipient, once per recipient and category, once per variant. What is left to
do per pair is one AND and one count of leading zeros per tree.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ranking.scoring.trees import ZERO, Missing, Split, Tree

MOST_LEAVES = 64

Masks = npt.NDArray[np.uint32] | npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Group:
    """The features of one group that any split uses, in the order of `columns` (their places within the group).

    Values of feature i fall into bins by `breaks[start[i]:start[i + 1]]`: bin b ends at break b, inclusive; one more bin above the last,
    then one for NaN. Codes of a categorical feature lose their fraction first. `first[i]` is the row of its first bin in `masks` [rows, T].
    """

    columns: npt.NDArray[np.int64]
    categorical: npt.NDArray[np.bool_]
    breaks: Floats
    start: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    masks: Masks


@dataclass(frozen=True, slots=True)
class BitVectors:
    """A compiled forest: one group per range of columns given, and leaf values float64[T · width], by tree and bit."""

    groups: tuple[Group, ...]
    leaves: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Test:
    """A split as a test of one feature: `keep` is the mask if the value goes right (leaves to the left are ruled out)."""

    split: Split
    tree: int
    keep: int


def compile_forest(trees: Sequence[Tree], groups: Sequence[range]) -> BitVectors | None:
    """Bit vectors over groups of columns. None if a tree has more leaves than a word has bits, or a column is split both by
    number and by category (training went on with other settings): then there is no one way to sort its values into bins."""
    widest = max((len(tree.leaves) for tree in trees), default=1)
    if widest > MOST_LEAVES:
        return None
    kind, width = (np.uint32, 32) if widest <= 32 else (np.uint64, 64)  # noqa: PLR2004 - bits of a word
    leaves = np.zeros((len(trees), width))
    tests: dict[int, list[_Test]] = {}
    for at, tree in enumerate(trees):
        order = _left_to_right(tree)
        leaves[at, : len(order)] = tree.leaves[order]
        for test in _tests(tree, at, width):
            tests.setdefault(test.split.feature, []).append(test)
    if any(len(_kinds(found)) > 1 for found in tests.values()):
        return None
    compiled = tuple(_group(columns, tests, len(trees), np.dtype(kind)) for columns in groups)
    return BitVectors(compiled, leaves.ravel())


def _left_to_right(tree: Tree) -> list[int]:
    """Leaves in the order in which they stand."""

    def below(child: int) -> list[int]:
        return [~child] if child < 0 else below(tree.splits[child].left) + below(tree.splits[child].right)

    return below(0) if tree.splits else [0]


def _tests(tree: Tree, at: int, width: int) -> Iterable[_Test]:
    found = []

    def count(child: int, before: int) -> int:
        """Leaves below a child; `before` of them stand left of it."""
        if child < 0:
            return 1
        split = tree.splits[child]
        left = count(split.left, before)
        found.append(_Test(split, at, ~_run(before, left, width) & (1 << width) - 1))
        return left + count(split.right, before + left)

    if tree.splits:
        count(0, 0)
    return found


def _run(start: int, length: int, width: int) -> int:
    """`length` ones from the `start`-th highest bit on."""
    return (1 << length) - 1 << width - start - length


def _group(columns: range, tests: dict[int, list[_Test]], trees: int, kind: np.dtype[np.unsignedinteger]) -> Group:
    used = [column for column in columns if column in tests]
    categorical = np.array([True in _kinds(tests[column]) for column in used], dtype=bool)
    breaks = [_category_breaks(tests[column]) if c else _breaks(tests[column]) for column, c in zip(used, categorical, strict=True)]
    masks = [
        (_category_masks if c else _number_masks)(tests[column], b, trees, kind)
        for column, c, b in zip(used, categorical, breaks, strict=True)
    ]
    return Group(
        np.array([column - columns.start for column in used], dtype=np.int64),
        categorical,
        np.concatenate([*breaks, np.empty(0, np.float32)]),
        np.cumsum([0, *(len(b) for b in breaks)], dtype=np.int64),
        np.cumsum([0, *(len(m) for m in masks)], dtype=np.int64),
        np.concatenate([*masks, np.empty((0, trees), kind)]),
    )


def _kinds(tests: Sequence[_Test]) -> set[bool]:
    """Whether a feature's splits are categorical: one answer, but for a forest whose training went on with other settings."""
    return {test.split.categories is not None for test in tests}


def _breaks(tests: Sequence[_Test]) -> Floats:
    """Ends of the bins, as float32: for a float32 value, `x ≤ t` and `x ≤ t rounded down` are the same."""
    ends = {test.split.threshold for test in tests}
    if any(test.split.missing is Missing.ZERO for test in tests):
        ends |= {float(np.nextafter(-ZERO, -np.inf)), ZERO}
    return np.unique(_rounded_down(np.array(sorted(ends))))


def _category_breaks(tests: Sequence[_Test]) -> Floats:
    """Around every code that a split sends left, so that it has a bin of its own; a code beyond float32's integers is never met."""
    codes = np.array(sorted(set().union(*(test.split.categories or () for test in tests))), dtype=np.float64)
    return np.unique(_rounded_down(np.concatenate([codes - 1, codes])))


def _rounded_down(values: npt.NDArray[np.float64]) -> Floats:
    with np.errstate(over="ignore"):
        near = values.astype(np.float32)
    return np.where(near > values, np.nextafter(near, np.float32(-np.inf)), near).astype(np.float32)


def _number_masks(tests: Sequence[_Test], breaks: Floats, trees: int, kind: np.dtype[np.unsignedinteger]) -> Masks:
    """[bins, T]; a bin's values are represented by its end, those above the last break by infinity."""
    masks = np.full((len(breaks) + 2, trees), np.iinfo(kind).max, dtype=kind)
    ends = np.append(breaks, np.float32(np.inf)).astype(np.float64)
    zeros = np.flatnonzero((ends >= -ZERO) & (ends <= ZERO))
    for test in tests:
        rights = ends > test.split.threshold
        if test.split.missing is Missing.ZERO:
            rights[zeros] = not test.split.default_left
        keep = kind.type(test.keep)
        masks[:-1][rights, test.tree] &= keep
        if not test.split.left_of(np.nan):
            masks[-1, test.tree] &= keep
    return masks


def _category_masks(tests: Sequence[_Test], breaks: Floats, trees: int, kind: np.dtype[np.unsignedinteger]) -> Masks:
    """[bins, T]; what no split sends left, NaN included, goes right everywhere."""
    masks = np.full((len(breaks) + 2, trees), np.iinfo(kind).max, dtype=kind)
    codes = breaks.astype(np.int64).tolist()
    for test in tests:
        lefts = test.split.categories or frozenset()
        rights = np.array([code not in lefts for code in codes] + [True, True])
        masks[rights, test.tree] &= kind.type(test.keep)
    return masks
