"""CSV files: any usual delimiter, quoting, byte order mark, gzip. Every value is text; what is empty is null."""

import csv
import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader, TextIOWrapper
from itertools import chain, islice
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from domain.errors import InputError
from storage.database import batches
from storage.imports.csv_records import Record, delimiter_of, records
from storage.imports.report import Progress, Step
from storage.imports.workbench import CHUNK, LINE, ROW, Refused, Workbench, refuse_names

_SAMPLE = 50  # lines that tell the delimiter
_HEAD = 4096  # bytes that tell text from something else
_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def load_csv(path: Path, bench: Workbench, progress: Progress) -> int:
    """Fill the table `raw`; returns how many data rows there were. InputError if it is no text, or has no header or no rows."""
    rows, bench.untyped = 0, True
    with _opened(path) as file:
        lines, delimiter, skipped = _sampled(file)
        header, taken = _header(lines, delimiter, path)
        bench.add("raw", _table(header, []))
        for chunk in batches(records(lines, width=len(header), delimiter=delimiter, line=skipped + taken + 1), CHUNK):
            bench.refuse([one for one in chunk if isinstance(one, Refused)])
            bench.add("raw", _table(header, [one for one in chunk if isinstance(one, Record)]))
            rows = chunk[-1].row
            progress(Step("reading", rows))
    if not rows:
        raise InputError("the file has a header but no rows", where=str(path))
    return rows


@contextmanager
def _opened(path: Path) -> Iterator[TextIOWrapper]:
    """The file as text. Bytes that are not UTF-8 become lone surrogates, which the records are refused for."""
    try:
        with path.open("rb") as plain:
            compressed = plain.peek(2)[:2] == _GZIP
            binary = cast(BufferedReader, gzip.GzipFile(fileobj=plain)) if compressed else plain
            _refuse_binary(binary.peek(_HEAD)[:_HEAD], path)
            with TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
                yield text
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise InputError("the compressed file is damaged", where=str(path)) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from None


def _refuse_binary(head: bytes, path: Path) -> None:
    if not head.strip():
        raise InputError("the file is empty", where=str(path))
    if head.startswith(_UTF16):
        raise InputError("the file is UTF-16", where=str(path), hint="convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW.csv")
    if head.startswith(b"PK\x03\x04") or b"\x00" in head.splitlines()[0]:
        raise InputError("neither CSV nor Parquet", where=str(path), hint="export it as CSV in UTF-8, or as Parquet")


def _sampled(file: Iterable[str]) -> tuple[Iterator[str], str, int]:
    """The lines, their delimiter, and how many lines before the header were skipped (Excel's `sep=;`)."""
    lines = iter(file)
    sample = list(islice(lines, _SAMPLE))
    named = sample[0].strip().lower().startswith("sep=") and len(sample[0].strip()) == len("sep=;")
    delimiter = sample[0].strip()[-1] if named else delimiter_of([line for line in sample if line.strip()])
    return chain(sample[named:], lines), delimiter, int(named)


def _header(lines: Iterator[str], delimiter: str, path: Path) -> tuple[list[str], int]:
    """The column names and the number of lines they took. A column without a name is called by its place."""
    reader = csv.reader(lines, delimiter=delimiter)
    first = next((row for row in reader if any(name.strip() for name in row)), [])
    header = [name.strip() or f"column{place}" for place, name in enumerate(first, start=1)]
    refuse_names(header, str(path))
    if any(not name.isprintable() for name in header):
        raise InputError("the header is not UTF-8 text", where=str(path), hint="convert it: iconv -f LATIN1 -t UTF-8 FILE > NEW.csv")
    return header, reader.line_num


def _table(header: Sequence[str], rows: Sequence[Record]) -> pa.Table:
    columns = zip(*(row.values for row in rows), strict=True) if rows else [[] for _ in header]
    arrays: dict[str, Any] = {ROW: pa.array([row.row for row in rows], pa.int64()), LINE: pa.array([row.line for row in rows], pa.int64())}
    texts = {name: pa.array([value or None for value in column], pa.string()) for name, column in zip(header, columns, strict=True)}
    return pa.table(arrays | texts)
