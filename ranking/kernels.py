"""The scorer's inner loops, compiled by numba: find each value's bin, AND the masks, sum the exit leaves."""

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.extending import intrinsic

from ranking.bit_vectors import Floats, Group, Masks
from ranking.trees import ZERO

Rows = npt.NDArray[np.int32]

_INDEX_BITS = 64


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
    out = np.empty((len(values), len(columns)), np.int32)
    for i in range(len(columns)):
        others = first[i + 1] - first[i] - 1
        for row in range(len(values)):
            value = values[row, columns[i]]
            if abs(value) <= ZERO:  # LightGBM drops such values on the way in
                value = np.float32(0.0)
            if np.isnan(value):
                at = others
            elif categorical[i]:
                at = np.int64(value) if -1.0 < value < others else others
            else:
                at, left = np.int64(0), start[i + 1] - start[i]
                while left > 0:  # the first break that is not below the value; without branches to mispredict
                    half = (left + 1) >> 1
                    at += half if breaks[start[i] + at + half - 1] < value else 0
                    left -= half
            out[row, i] = first[i] + at
    return out


def masks_of(rows: Rows, masks: Masks) -> Masks:
    """The AND of each row's masks: [n, T]."""
    both: Masks = np.bitwise_and.reduce(masks[rows], axis=1)
    return both


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
    n, features = own.shape
    categories, crossed = cross.shape[1], cross.shape[2]
    variants, trees = variant_masks.shape
    width = variant_masks.itemsize * 8  # known when compiled, so that a leaf's place is a shift and an addition
    out: npt.NDArray[np.float64] = np.empty((n, variants))
    mine = np.empty(trees, variant_masks.dtype)
    both = np.empty((categories, trees), variant_masks.dtype)
    for row in range(n):
        mine[:] = ~np.zeros(1, variant_masks.dtype)[0]
        for f in range(features):
            at = own[row, f]
            for t in range(trees):
                mine[t] &= own_masks[at, t]
        for k in range(categories):
            both[k] = mine
            for f in range(crossed):
                at = cross[row, k, f]
                for t in range(trees):
                    both[k, t] &= cross_masks[at, t]
        for v in range(variants):
            total: Any = 0.0
            k = category[v]
            for t in range(trees):
                total += leaves[np.uint32(t * width) + _exit_leaf(both[k, t], variant_masks[v, t])]  # type: ignore[call-arg]
            out[row, v] = total
    return out
