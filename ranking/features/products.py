"""Products of rows that do not depend on how many rows there are.

BLAS sums in another order for one row than for a thousand, so a feature computed for one recipient would differ from the same
feature computed for a block of them in its last bit: skew, where training and serving have to agree exactly.
"""

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[Any]  # of either float


def products(left: Matrix, right: Matrix) -> Matrix:
    """`left @ right.T` for [n, d] and [k, d]: [n, k], each number summed from the first dimension to the last, in their own precision."""
    out: Matrix = _products(np.ascontiguousarray(left), np.ascontiguousarray(right.T))
    return out


@nb.njit(cache=True, nogil=True)
def _products(left: Matrix, right: Matrix) -> Matrix:
    """[n, d] by [d, k]; the inner loop goes over k, so that vector instructions change no sum's order."""
    out = np.zeros((len(left), right.shape[1]), left.dtype)
    for n in range(len(left)):
        for d in range(left.shape[1]):
            for k in range(right.shape[1]):
                out[n, k] += left[n, d] * right[d, k]
    return out
