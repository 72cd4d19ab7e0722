"""Columns of made history, as Arrow arrays straight from NumPy: millions of rows without a loop in Python."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Numbers = npt.NDArray[np.int64]
Column: TypeAlias = "pa.Array[Any]"

_HEX = np.array([f"{n:04x}" for n in range(65_536)], dtype="S4").view(np.uint32)


def digests(rng: np.random.Generator, n: int) -> Column:
    """Random ids of 32 hex digits, as decisions and events have them."""
    return _strings(_HEX[rng.integers(0, 65_536, (n, 8), dtype=np.uint16)].view(np.uint8))


def named(prefix: str, numbers: Numbers, digits: int) -> Column:
    """`prefix` and the number with leading zeros."""
    start = np.frombuffer(prefix.encode(), dtype=np.uint8)
    letters = np.empty((len(numbers), len(start) + digits), dtype=np.uint8)
    letters[:, : len(start)] = start
    for place in range(digits):
        letters[:, -1 - place] = ord("0") + numbers // 10**place % 10
    return _strings(letters)


def words(choices: Sequence[str], codes: Numbers) -> Column:
    """The word of each code."""
    return pa.DictionaryArray.from_arrays(codes.astype(np.int32), pa.array(choices)).cast(pa.string())


def same(word: str, n: int) -> Column:
    """One word n times."""
    return pa.repeat(pa.scalar(word, pa.string()), n)


def instants(us: Numbers) -> Column:
    """Instants from µs since 1970, UTC."""
    return pa.array(us, pa.timestamp("us", tz="UTC"))


def filled(schema: pa.Schema, columns: dict[str, Column]) -> pa.Table:
    """A table of the schema; columns that are not given are empty."""
    n = len(next(iter(columns.values())))
    return pa.table([columns.get(field.name, pa.nulls(n, field.type)) for field in schema], schema=schema)


def _strings(letters: npt.NDArray[np.uint8]) -> Column:
    n, width = letters.shape
    offsets = np.arange(0, (n + 1) * width, width, dtype=np.int32)
    return pa.Array.from_buffers(pa.string(), n, [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(letters.tobytes())])
