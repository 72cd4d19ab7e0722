"""Erasing a person from the loose files under var/: refused rows of imports, simulated shops, logs, letters and pages.

Tables lose the rows in which a cell is the person's id or address, or a text holds the address; logs lose such lines; letters and
pages that hold the address are removed. What cannot be mended here is named. Ids are looked for as whole cells only: an id such as
`42` stands in every text.
"""

import csv
import gzip
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from domain.privacy import Person
from storage.whole_files import write_whole

_OWN_TEXT = 6  # characters that an id needs to be looked for in free text


@dataclass(frozen=True, slots=True)
class Swept:
    """Files by what was done: rows taken out, files removed, and those that still hold the person."""

    mended: Mapping[str, int]
    left: tuple[str, ...]


class FileErasure:
    """The loose files under one folder, without those that other stores look after themselves."""

    def __init__(self, root: Path, elsewhere: frozenset[Path]) -> None:
        self._root, self._elsewhere = root, frozenset(path.resolve() for path in elsewhere)

    def erase(self, who: Person) -> Swept:
        """Go through every file. Repeating finds nothing more."""
        mended, left = {}, []
        seek = _Search(who)
        for path in self._files():
            mend = _MENDERS.get(_kind(path))
            try:
                found = mend(path, seek) if mend else seek.raw(path)
            except (OSError, ValueError, pa.ArrowInvalid):
                found, mend = seek.raw(path), None
            if found and mend:
                mended[str(path.relative_to(self._root))] = found
            elif found:
                left.append(str(path.relative_to(self._root)))
        return Swept(mended, tuple(left))

    def _files(self) -> Iterator[Path]:
        folders = [self._root]
        while folders:
            for path in sorted(folders.pop().iterdir()):
                if path.resolve() in self._elsewhere or path.is_symlink():
                    continue
                if path.is_dir():
                    folders.append(path)
                elif path.is_file():
                    yield path


class _Search:
    """What is looked for."""

    def __init__(self, who: Person) -> None:
        self.cells = {name.casefold() for name in who.names}
        telling = {*who.addresses, *(name for name in who.names if len(name) >= _OWN_TEXT)}
        text = "|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in sorted(telling)) or r"(?!)"
        self.text, self.bytes = re.compile(text, re.IGNORECASE), re.compile(text.encode(), re.IGNORECASE)

    def cell(self, value: object) -> bool:
        """Whether a cell of a table is, or tells of, the person."""
        return isinstance(value, str) and (value.strip().casefold() in self.cells or self.text.search(value) is not None)

    def raw(self, path: Path) -> int:
        """How often they stand in a file of any kind."""
        return len(self.bytes.findall(path.read_bytes()))


def _mend_csv(path: Path, seek: _Search) -> int:
    """Rows go in which a cell is theirs, or a record within a cell, as in the rejects of an import."""
    plain = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    text = plain.decode("utf-8", errors="surrogateescape")
    if not (seek.text.search(text) or any(cell in text.casefold() for cell in seek.cells)):
        return 0
    dialect: type[csv.Dialect] = csv.excel
    head, _, _ = text.partition("\n")
    delimiter = max(",;\t|", key=head.count)
    rows = list(csv.reader(io.StringIO(text, newline=""), dialect, delimiter=delimiter))
    kept = [row for row in rows if not any(seek.cell(part) for cell in row for part in (cell, *_parts(cell)))]
    out = io.StringIO(newline="")
    csv.writer(out, dialect, delimiter=delimiter, lineterminator="\n").writerows(kept)
    if len(kept) < len(rows):
        told = out.getvalue().encode("utf-8", errors="surrogateescape")
        write_whole(path, gzip.compress(told, mtime=0) if path.suffix == ".gz" else told)
    return len(rows) - len(kept)


def _parts(cell: str) -> list[str]:
    if not any(sign in cell for sign in ",;\t|"):
        return []
    delimiter = max(",;\t|", key=cell.count)
    return next(csv.reader([cell.replace("\n", " ").replace("\r", " ")], delimiter=delimiter), [])


def _mend_parquet(path: Path, seek: _Search) -> int:
    rows = pq.read_table(path)
    theirs: Any = pa.chunked_array([pa.array([False] * rows.num_rows)])
    for name, field in zip(rows.column_names, rows.schema, strict=True):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type) or pa.types.is_dictionary(field.type):
            texts = rows[name].cast(pa.string())
            unique = texts.unique().to_pylist()
            named = [text for text in unique if seek.cell(text)]
            if named:
                theirs = pc.or_(theirs, pc.is_in(texts, value_set=pa.array(named, pa.string())))
    found = int(pc.sum(theirs).as_py() or 0)
    if found:
        sink = pa.BufferOutputStream()
        pq.write_table(rows.filter(pc.invert(theirs)), sink, compression="zstd")
        write_whole(path, sink.getvalue().to_pybytes())
    return found


def _mend_lines(path: Path, seek: _Search) -> int:
    """In place: whoever writes the log goes on writing to this file."""
    text = path.read_bytes()
    if not seek.bytes.search(text):
        return 0
    lines = text.splitlines(keepends=True)
    kept = [line for line in lines if not seek.bytes.search(line)]
    path.write_bytes(b"".join(kept))
    return len(lines) - len(kept)


def _remove(path: Path, seek: _Search) -> int:
    if not seek.raw(path):
        return 0
    path.unlink()
    return 1


def _kind(path: Path) -> str:
    return "".join(path.suffixes[-2:]).lower() if path.suffix.lower() == ".gz" else path.suffix.lower()


_MENDERS: Mapping[str, Callable[[Path, _Search], int]] = {
    ".csv": _mend_csv,
    ".csv.gz": _mend_csv,
    ".parquet": _mend_parquet,
    ".log": _mend_lines,
    ".eml": _remove,
    ".html": _remove,
    ".txt": _remove,
    ".png": _remove,
}
