"""The scorer's inner loops, compiled by numba: find each value's bin, AND the masks, sum the exit leaves."""

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.extending import intrinsic

from ranking.scoring.bit_vectors import Floats, Group, Masks
from ranking.scoring.trees import ZERO

Rows = npt.NDArray[np.int32]

_INDEX_BITS = 64
_ABREAST = 16  # values that are looked up side by side: their places fit into registers


@intrinsic
def _exit_leaf(typing_context: Any, first: Any, second: Any) -> Any:
    """Leading zeros of `first & second`, in the words' own width (numba's `&` would widen 32 bits to 64); they share a bit."""
    del typing_context

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del context, signature
        zeros = builder.ctlz(builder.and_(*arguments), ir.Constant(ir.IntType(1), 1))
        return zeros if zeros.type.width == _INDEX_BITS else builder.zext(zeros, ir.IntType(_INDEX_BITS))

    return types.int64(first, second), generate


def rows_of(values: Floats, group: Group) -> Rows:
    """The row of the group's masks that each value falls into: int32[n, features used] of values float32[n, features]."""
    return np.asarray(_bin(values, group.columns, group.categorical, group.breaks, group.start, group.first))


@nb.njit(cache=True, nogil=True)
def _bin(  # noqa: PLR0917 - numba takes no keyword-only arguments
    values: Floats,
    columns: npt.NDArray[np.int64],
    categorical: npt.NDArray[np.bool_],
    breaks: Floats,
    start: npt.NDArray[np.int64],
    first: npt.NDArray[np.int64],
) -> Rows:
    """Binary search, a few values side by side: each waits for its own look-ups, so that together they wait once."""
    n = len(values)
    out = np.empty((n, len(columns)), np.int32)
    value, at = np.empty(_ABREAST, np.float32), np.empty(_ABREAST, np.int32)
    for i in range(len(columns)):
        ends, row, missing = breaks[start[i] : start[i + 1]], np.int32(first[i]), np.int32(first[i + 1] - 1)
        for begin in range(0, n, _ABREAST):
            abreast = min(_ABREAST, n - begin)
            for j in range(abreast):
                given = values[begin + j, columns[i]]
                given = np.trunc(given) if categorical[i] else given
                value[j] = np.float32(0.0) if abs(given) <= ZERO else given  # LightGBM drops such values on the way in
                at[j] = 0
            left = np.int32(len(ends))
            while left > 0:  # the first break that is not below the value; without branches to mispredict
                half = (left + np.int32(1)) >> 1
                for j in range(abreast):
                    at[j] += half if ends[at[j] + half - 1] < value[j] else np.int32(0)
                left -= half
            for j in range(abreast):
                out[begin + j, i] = missing if np.isnan(value[j]) else row + at[j]
    return out


def masks_of(rows: Rows, masks: Masks) -> Masks:
    """The AND of each row's masks: [n, T]."""
    both: Masks = np.bitwise_and.reduce(masks[rows], axis=1)
    return both


@nb.njit(cache=True, nogil=True, inline="always")
def _narrow(into: Masks, before: Masks, rows: npt.NDArray[np.int32], masks: Masks) -> None:
    """`into` [T] becomes `before` AND the masks of the rows, two rows at a time: half the reading and writing of `into`."""
    odd = len(rows) & 1
    if odd:
        first = masks[rows[0]]
        for t in range(len(into)):
            into[t] = before[t] & first[t]
    else:
        into[:] = before
    for f in range(odd, len(rows), 2):
        one, other = masks[rows[f]], masks[rows[f + 1]]
        for t in range(len(into)):
            into[t] &= one[t] & other[t]


@nb.njit(cache=True, nogil=True, fastmath={"reassoc", "nsz"}, error_model="numpy")
def sum_leaves(  # noqa: PLR0917 - numba takes no keyword-only arguments
    own: Rows,
    own_masks: Masks,
    cross: npt.NDArray[np.int32],
    cross_masks: Masks,
    variant_masks: Masks,
    category: npt.NDArray[np.int64],
    leaves: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Sums of exit leaves float64[n, V] for recipients' rows [n, R], rows by category [n, K, C] and variants' masks [V, T]
    with their categories int64[V]. Only float additions are reordered: exact but for the last bits of the sum."""
    categories, (variants, trees) = cross.shape[1], variant_masks.shape
    width = variant_masks.itemsize * 8  # known when compiled, so that a leaf's place is a shift and an addition
    out: npt.NDArray[np.float64] = np.empty((len(own), variants))
    every = np.full(trees, ~np.zeros(1, variant_masks.dtype)[0], variant_masks.dtype)
    mine = np.empty(trees, variant_masks.dtype)
    both = np.empty((categories, trees), variant_masks.dtype)
    for row in range(len(own)):
        _narrow(mine, every, own[row], own_masks)
        for k in range(categories):
            _narrow(both[k], mine, cross[row, k], cross_masks)
        for v in range(variants):
            total: Any = 0.0
            left, theirs = both[category[v]], variant_masks[v]
            for t in range(trees):
                total += leaves[np.uint32(t * width) + _exit_leaf(left[t], theirs[t])]  # type: ignore[call-arg]
            out[row, v] = total
    return out
