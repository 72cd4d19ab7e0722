"""The DuckDB that binds and evaluates expressions: in memory, cut off from files, network, extensions and settings.

The grammar has already refused all that could reach them; this is the second lock on the same door.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from audience.columns import AS_OF, Columns, ColumnType

_LOCKED: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    "lock_configuration": "true",
}

_ARROW: Mapping[ColumnType, Any] = {
    ColumnType.TEXT: pa.string(),
    ColumnType.NUMBER: pa.float64(),
    ColumnType.WHOLE: pa.int32(),
    ColumnType.FLAG: pa.bool_(),
    ColumnType.INSTANT: pa.timestamp("us"),
}


@contextmanager
def relation(table: pa.Table) -> Iterator[duckdb.DuckDBPyConnection]:
    """A locked connection with `table` as its one relation, `recipients`."""
    with duckdb.connect(":memory:", config=_LOCKED) as connection:
        connection.register("recipients", table)
        yield connection


def one_unknown_recipient(columns: Columns) -> pa.Table:
    """One row that knows nothing: an expression that fails on it fails by what is written in it, not by the data."""
    return pa.table({name: pa.nulls(1, _ARROW[kind]) for name, kind in columns.types.items()})


def bind(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """The type of a scalar expression over the relation, which is also run; raises duckdb.Error with the reason."""
    found: list[tuple[Any, ...]] = connection.execute(f"SELECT typeof({sql}), ({sql}) FROM recipients").fetchall()  # noqa: S608 - vetted by the grammar
    return str(found[0][0])


def table_of(frame: pd.DataFrame, names: Sequence[str], columns: Columns, as_of: datetime | None) -> pa.Table:
    """The named columns of expanded recipients, typed as expressions see them; `as_of` is added where it is named."""
    arrays = {name: _array(frame[name], columns.types[name]) for name in names if name != AS_OF}
    if AS_OF in names and as_of is not None:
        instant = as_of.astimezone(UTC).replace(tzinfo=None)
        arrays[AS_OF] = pa.array([instant], _ARROW[ColumnType.INSTANT]).take(pa.array(np.zeros(len(frame), dtype=np.int64)))
    return pa.table(arrays) if arrays else pa.table({"_row": pa.nulls(len(frame))})


def _array(values: "pd.Series[Any]", kind: ColumnType) -> Any:
    """One column as Arrow; NaN and NA become NULL, instants become UTC without a zone."""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        values = values.dt.tz_convert(UTC).dt.tz_localize(None)
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    found = pa.array(values, from_pandas=True)
    return found if found.type == _ARROW[kind] else found.cast(_ARROW[kind])
