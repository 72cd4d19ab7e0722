"""Products of rows: right, and the same for one row as for many."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.features.products import products


@given(st.integers(0, 40), st.integers(1, 70), st.integers(1, 30), st.sampled_from([np.float32, np.float64]), st.integers(0, 9))
def test_every_row_has_the_product_it_has_alone(n: int, d: int, k: int, kind: type, seed: int) -> None:
    """The product is that of linear algebra, and bit for bit what each row gets by itself."""
    rng = np.random.default_rng(seed)
    left, right = (rng.normal(size=(rows, d)).astype(kind) for rows in (n, k))
    found = products(left, right)
    assert found.dtype == kind and found.shape == (n, k)
    assert found == pytest.approx(left.astype(np.float64) @ right.T.astype(np.float64), abs=1e-4 if kind is np.float32 else 1e-12)
    for row in range(n):
        np.testing.assert_array_equal(products(left[row : row + 1], right)[0], found[row])


def test_the_unknown_stays_unknown() -> None:
    """A row with NaN has NaN products, and no other row has."""
    found = products(np.array([[1.0, np.nan], [1.0, 2.0]]), np.eye(2))
    assert np.isnan(found[0]).all() and found[1].tolist() == [1.0, 2.0]
