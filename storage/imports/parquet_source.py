"""Parquet files: typed as they are. A text that is not UTF-8 costs its row."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from domain.errors import InputError
from storage.imports.report import Progress, Refusal, Step
from storage.imports.workbench import CHUNK, LINE, ROW, Refused, Workbench, refuse_names


def load_parquet(path: Path, bench: Workbench, progress: Progress) -> int:
    """Fill the table `raw`; returns how many rows there were. InputError if it cannot be read or has no rows."""
    rows = 0
    try:
        with pq.ParquetFile(path) as file:
            refuse_names(file.schema_arrow.names, str(path))
            for batch in file.iter_batches(CHUNK):
                _add(bench, pa.Table.from_batches([batch]), first=rows + 1)
                rows += batch.num_rows
                progress(Step("reading", rows, file.metadata.num_rows))
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"not a readable Parquet file: {reason}", where=str(path)) from None
    if not rows:
        raise InputError("the file has no rows", where=str(path))
    return rows


def _add(bench: Workbench, rows: pa.Table, first: int) -> None:
    numbered = _in_microseconds(rows).append_column(ROW, pa.array(range(first, first + rows.num_rows), pa.int64()))
    numbered = numbered.append_column(LINE, pa.nulls(rows.num_rows, pa.int64()))
    try:
        numbered.validate(full=True)
    except pa.ArrowInvalid:
        numbered = _decodable(bench, numbered)
    bench.add("raw", numbered)


def _in_microseconds(rows: pa.Table) -> pa.Table:
    """DuckDB's functions know no zoned instants in nanoseconds, which pandas writes."""
    for place, field in enumerate(rows.schema):
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            rows = rows.set_column(place, field.name, rows.column(place).cast(pa.timestamp("us", field.type.tz), safe=False))
    return rows


def _decodable(bench: Workbench, rows: pa.Table) -> pa.Table:
    """The rows whose texts are UTF-8; the others are refused."""
    bad: set[int] = set()
    for name, column in zip(rows.column_names, rows.columns, strict=True):
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            values = rows[name].combine_chunks().view(pa.binary() if pa.types.is_string(column.type) else pa.large_binary())
            bad |= {place for place, value in enumerate(values.to_pylist()) if value is not None and not _is_utf8(value)}
    first = rows[ROW][0].as_py()
    bench.refuse([Refused(first + place, None, Refusal.UNDECODABLE, "bytes that are not UTF-8", "") for place in sorted(bad)])
    return rows.filter(pc.invert(pc.is_in(pa.array(range(rows.num_rows)), value_set=pa.array(sorted(bad), pa.int64()))))


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
