"""Salted hashing: the same for one and for many, uniform, and independent between salts."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from domain.hashing import BUCKETS, bucket_of, buckets_of, key_of, keys_of, mix, mix_many, uniform, uniforms

texts = st.lists(st.text(max_size=40), min_size=1, max_size=20)


@given(texts, st.text(max_size=10))
def test_scalar_and_array_forms_agree(ids: list[str], salt: str) -> None:
    """One recipient hashed alone gets the very number it gets in a frame."""
    keys = keys_of(ids)
    assert [key_of(one) for one in ids] == keys.tolist()
    assert [mix(int(key), 7) for key in keys] == mix_many(keys, 7).tolist()
    assert [uniform(one, salt) for one in ids] == uniforms(keys, salt).tolist()
    assert [bucket_of(one) for one in ids] == buckets_of(keys).tolist()


def test_uniforms_are_uniform_and_salts_independent() -> None:
    """Over 100,000 recipients each tenth holds a tenth, and two salts do not correlate."""
    keys = keys_of(f"r{number}" for number in range(100_000))
    first, second = uniforms(keys, "holdout-1"), uniforms(keys, "holdout-2")
    shares = np.histogram(first, bins=10, range=(0, 1))[0] / len(keys)
    assert np.abs(shares - 0.1).max() < 0.005
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.01
    assert first.min() >= 0 and first.max() < 1


def test_buckets_cover_their_range_evenly() -> None:
    """Buckets fill [0, BUCKETS) so that any range of them is a fair sample."""
    buckets = buckets_of(keys_of(f"r{number}" for number in range(200_000)))
    assert buckets.min() >= 0 and buckets.max() < BUCKETS
    assert abs(np.mean(buckets < BUCKETS // 4) - 0.25) < 0.005
