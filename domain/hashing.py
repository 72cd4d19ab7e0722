"""Salted hashing of recipients: holdout, arms, shards, waves and every random draw start here (DESIGN §6.4).

A recipient has one 64-bit key; each use mixes it with its own salt by the SplitMix64 finaliser (Steele, Lea and
Flood, OOPSLA 2014), so that uses are independent of each other and of list order, shards and time.
The scalar and the array functions give the same numbers.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import xxhash

BUCKETS = 65_536  # shards and waves cut a list by bucket: a uniform hash, so any range of buckets is a fair sample

_MASK = (1 << 64) - 1
_GAMMA, _M1, _M2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB

Keys = npt.NDArray[np.uint64]


def key_of(text: str) -> int:
    """64-bit key of a recipient id, an address or a salt."""
    return xxhash.xxh3_64_intdigest(text.encode())


def keys_of(texts: Iterable[str]) -> Keys:
    """`key_of` for many: uint64[n]."""
    return np.fromiter((xxhash.xxh3_64_intdigest(text.encode()) for text in texts), dtype=np.uint64)


def bucket_of(recipient_id: str) -> int:
    """The recipient's bucket in [0, BUCKETS)."""
    return mix(key_of(recipient_id), key_of("bucket")) % BUCKETS


def buckets_of(keys: Keys) -> npt.NDArray[np.int32]:
    """`bucket_of` for the keys of many recipients: int32[n]."""
    return (mix_many(keys, key_of("bucket")) % np.uint64(BUCKETS)).astype(np.int32)


def mix(key: int, salt: int) -> int:
    """A new 64-bit key from a key and a salt."""
    z = ((key ^ salt) + _GAMMA) & _MASK
    z = ((z ^ (z >> 30)) * _M1) & _MASK
    z = ((z ^ (z >> 27)) * _M2) & _MASK
    return z ^ (z >> 31)


def mix_many(keys: Keys, salt: int) -> Keys:
    """`mix` for uint64[n]."""
    z = (keys ^ np.uint64(salt)) + np.uint64(_GAMMA)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(_M1)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(_M2)
    return z ^ (z >> np.uint64(31))


def uniform(text: str, salt: str) -> float:
    """A number in [0, 1) that depends on the text and the salt alone."""
    return (mix(key_of(text), key_of(salt)) >> 11) * 2.0**-53


def uniforms(keys: Keys, salt: str) -> npt.NDArray[np.float64]:
    """`uniform` for the keys of many: float64[n] in [0, 1)."""
    return (mix_many(keys, key_of(salt)) >> np.uint64(11)).astype(np.float64) * 2.0**-53
