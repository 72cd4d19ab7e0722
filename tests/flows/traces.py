"""Looks for a text everywhere under a folder: in every file's bytes, and in every cell of Parquet and SQLite files."""

import gzip
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq


def traces(root: Path, *texts: str) -> list[str]:
    """Where any of the texts stands, whatever its case; free pages of databases and logs of servers included."""
    wanted = [text.casefold() for text in texts]
    found = []
    for path in sorted(root.rglob("*")):
        if path.is_file():
            found += [f"{path.relative_to(root)}: {text}" for text in wanted if any(text in said for said in _said(path))]
    return found


def _said(path: Path) -> Iterator[str]:
    content = path.read_bytes()
    yield content.decode("latin-1").casefold()
    if path.suffix == ".gz":
        yield gzip.decompress(content).decode("latin-1").casefold()
    if path.suffix == ".parquet":
        yield str(pq.read_table(path).to_pydict()).casefold()
    if content.startswith(b"SQLite format 3"):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in tables:
                yield str(database.execute(f'SELECT * FROM "{table}"').fetchall()).casefold()  # noqa: S608 - names of its own
