"""The lake: Parquet files under one folder or fsspec URL, written whole or not at all.

    <root>/<table>/<key>=<value>/…/<name>.parquet

Files carry all of their columns; the folders only make it cheap to find those of one send or source. The same table
written twice gives the same bytes under the same name, so a shard that is computed again changes nothing.
"""

import posixpath
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import fsspec
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from domain.errors import InputError, UnavailableError
from storage.lake_schema import SCHEMAS
from storage.whole_files import write_whole

_NOWHERE: Mapping[str, str] = {}


class Lake:
    """The tables and files under one root."""

    def __init__(self, root_url: str) -> None:
        try:
            self._files, root = fsspec.core.url_to_fs(root_url)
        except (ImportError, ValueError) as error:
            raise InputError(f"not a usable lake URL: {error}", where=root_url) from None
        self._root: str = root.rstrip("/")
        self._local = "file" in _protocols(self._files)

    def write(self, table: str, data: pd.DataFrame | pa.Table, *, partition: Mapping[str, str] = _NOWHERE, name: str) -> str:
        """Write one file of a table; replaces a file of the same name. Returns its path.

        ValueError if the data does not have the table's columns: a fault of the caller's, never the user's.
        """
        path = posixpath.join(self._folder(table, partition), f"{name}.parquet")
        sink = pa.BufferOutputStream()
        pq.write_table(_conformed(table, data), sink, compression="zstd")
        self._put(path, sink.getvalue())
        return path

    def read(self, table: str, partition: Mapping[str, str] = _NOWHERE, *, name: str | None = None) -> pd.DataFrame:
        """All rows of a partition as a frame, in the order of the files' names; with a name, those of that one file."""
        if name is None:
            return self.dataset(table, partition).to_table().to_pandas()
        with _reachable(self._root), self._files.open(posixpath.join(self._folder(table, partition), f"{name}.parquet")) as file:
            return pq.read_table(file).to_pandas()

    def dataset(self, table: str, partition: Mapping[str, str] = _NOWHERE) -> ds.Dataset:
        """The files of a partition, lazily; without any file an empty dataset of the table's schema.

        `partition` names leading folders: the keys in the order in which they were written.
        """
        return self.dataset_of(table, self.files(table, partition))

    def dataset_of(self, table: str, files: list[str]) -> ds.Dataset:
        """Some of a table's `files`, lazily."""
        schema = SCHEMAS.get(table)
        if not files:
            return ds.dataset((schema or pa.schema([])).empty_table())
        reader = pa.fs.LocalFileSystem() if self._local else self._files
        return ds.dataset(files, schema=schema, filesystem=reader, format="parquet")

    def files(self, table: str, partition: Mapping[str, str] = _NOWHERE) -> list[str]:
        """Paths of the files of a partition, sorted."""
        with _reachable(self._root):
            found = self._files.find(self._folder(table, partition))
        return sorted(path for path in found if path.endswith(".parquet") and not posixpath.basename(path).startswith("."))

    def exists(self, table: str, partition: Mapping[str, str] = _NOWHERE, name: str | None = None) -> bool:
        """Whether this file of a partition exists; without a name, whether any does."""
        if name is None:
            return bool(self.files(table, partition))
        with _reachable(self._root):
            return bool(self._files.exists(posixpath.join(self._folder(table, partition), f"{name}.parquet")))

    def read_file(self, path: str) -> pa.Table:
        """All rows and columns of one of the `files`."""
        with _reachable(self._root), self._files.open(path) as file:
            return pq.read_table(file)

    def read_column(self, path: str, name: str) -> "pa.ChunkedArray[Any] | None":
        """One column of one of the `files`; None if it has no such column."""
        with _reachable(self._root), self._files.open(path) as file:
            whole = pq.ParquetFile(file)
            return whole.read(columns=[name])[name] if name in whole.schema_arrow.names else None

    def rewrite_file(self, path: str, data: pa.Table) -> None:
        """Put other rows of the same columns into one of the `files`."""
        sink = pa.BufferOutputStream()
        pq.write_table(data, sink, compression="zstd")
        self._put(path, sink.getvalue())

    def remove_file(self, path: str) -> None:
        """Remove one of the `files`; one that is gone is no error."""
        with _reachable(self._root), suppress(FileNotFoundError):
            self._files.rm_file(path)

    def remove(self, table: str, partition: Mapping[str, str]) -> int:
        """Remove all files of a partition; returns how many there were."""
        found = self.files(table, partition)
        for path in found:
            self.remove_file(path)
        return len(found)

    def tables(self) -> list[str]:
        """The tables and folders that there are, sorted."""
        with _reachable(self._root):
            if not self._files.exists(self._root):
                return []
            return sorted(posixpath.basename(path.rstrip("/")) for path in self._files.ls(self._root, detail=False))

    def put_bytes(self, path: str, data: bytes) -> None:
        """Write a file at a path below the root, whole or not at all."""
        self._put(posixpath.join(self._root, path), data)

    def get_bytes(self, path: str) -> bytes:
        """The bytes of a file below the root. FileNotFoundError if there is none."""
        with _reachable(self._root):
            return bytes(self._files.cat_file(posixpath.join(self._root, path)))

    def list_bytes(self, folder: str) -> list[str]:
        """Names of the files directly in a folder below the root, sorted."""
        with _reachable(self._root):
            return sorted(posixpath.basename(path) for path in self._files.find(posixpath.join(self._root, folder), maxdepth=1))

    def _folder(self, table: str, partition: Mapping[str, str]) -> str:
        return posixpath.join(self._root, table, *(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in partition.items()))

    def _put(self, path: str, data: bytes | pa.Buffer) -> None:
        """Local: a temporary name, then a rename. Object stores show an upload only when it is whole."""
        with _reachable(self._root):
            if self._local:
                write_whole(Path(path), data)
            else:
                self._files.pipe_file(path, bytes(data))


@contextmanager
def _reachable(root: str) -> Iterator[None]:
    """Turn a file system's failure into UnavailableError; a missing file stays FileNotFoundError."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnavailableError(f"the lake cannot be used: {error.strerror or type(error).__name__}", where=root) from None


def _conformed(table: str, data: pd.DataFrame | pa.Table) -> pa.Table:
    """The data as the table's schema says, columns in its order; missing nullable ones are null."""
    schema = SCHEMAS.get(table)
    given = (
        data if isinstance(data, pa.Table) else pa.Table.from_pandas(data, schema=_part(schema, list(data.columns)), preserve_index=False)
    )
    if schema is None:
        return given.replace_schema_metadata(None)
    missing = [field for field in schema if field.name not in given.column_names]
    if wrong := [field.name for field in missing if not field.nullable] + sorted(set(given.column_names) - set(schema.names)):
        raise ValueError(f"columns of lake table {table!r} missing or unknown: {wrong}")
    for field in missing:
        given = given.append_column(field, pa.nulls(given.num_rows, field.type))
    if hollow := [field.name for field in schema if not field.nullable and given[field.name].null_count]:
        raise ValueError(f"columns of lake table {table!r} must not be null: {hollow}")
    return given.select(schema.names).cast(schema)


def _part(schema: pa.Schema | None, columns: list[str]) -> pa.Schema | None:
    """The fields of the schema that the frame has: lets nulls and categories become the right type at once."""
    if schema is None or set(columns) - set(schema.names):
        return None
    return pa.schema([schema.field(name).with_nullable(True) for name in columns])


def _protocols(files: fsspec.AbstractFileSystem) -> tuple[str, ...]:
    return (files.protocol,) if isinstance(files.protocol, str) else tuple(files.protocol)
