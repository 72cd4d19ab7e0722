"""The workbench of one import: a DuckDB database in a private temporary folder, so that memory stays bounded.

Tables: `raw` holds the source's rows as they came, with their number and line; `source` is what mappings select from;
`refused` collects every refusal. Once the source is in, `seal` takes away all access to files and network: what a
mapping runs can only read those tables.
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import pyarrow as pa

from domain.errors import InputError, UnavailableError
from storage.imports.report import Refusal

ROW = "__letterpress_row"  # 1-based number of the data row
SOURCE_ROW = "source_row"  # the same number, for mappings to use as an id where the source has none
LINE = "__letterpress_line"  # 1-based line of the file on which it begins; null where there are no lines
CHUNK = 50_000  # rows in memory at a time

_MEMORY = "1GB"


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused row. `raw` is given where the row never came to be one of the table `raw`."""

    row: int
    line: int | None
    reason: Refusal
    detail: str
    raw: str | None = None


class Workbench:
    """A temporary DuckDB database. Use as a context; everything in it is deleted at the end."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="letterpress-import-"))
        self.connection = duckdb.connect(str(self._folder / "workbench.duckdb"))
        self.run(f"SET GLOBAL memory_limit = '{_MEMORY}'; SET GLOBAL TimeZone = 'UTC'")
        self.untyped = False  # whether the source told no types, as CSV does
        self.traced = True  # whether `number`s are those of `raw`'s rows; a mapping that groups or joins loses them
        self.run("CREATE TABLE refused (row BIGINT, line BIGINT, reason VARCHAR, detail VARCHAR, raw VARCHAR)")

    def __enter__(self) -> "Workbench":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.connection.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def folder(self) -> Path:
        """Where a source may put files of its own."""
        return self._folder

    def seal(self) -> None:
        """From here on nothing that runs on the workbench reaches a file or the network, or can lift this."""
        self.run("SET enable_external_access = false; SET lock_configuration = true")

    def add(self, table: str, rows: pa.Table) -> None:
        """Append rows to a table, creating it from the first ones."""
        verb = f"INSERT INTO {quoted(table)} BY NAME" if self.has(table) else f"CREATE TABLE {quoted(table)} AS"
        self.connection.register("__letterpress_chunk", rows)
        self.run(f"{verb} SELECT * FROM __letterpress_chunk")  # noqa: S608 - quoted above
        self.connection.unregister("__letterpress_chunk")

    def refuse(self, rows: Sequence[Refused]) -> None:
        """Note refused rows."""
        if rows:
            fields = ("row", "line", "reason", "detail", "raw")
            types = {"row": pa.int64(), "line": pa.int64(), "reason": pa.string(), "detail": pa.string(), "raw": pa.string()}
            self.add("refused", pa.table({name: pa.array([getattr(row, name) for row in rows], types[name]) for name in fields}))

    def refuse_where(self, table: str, condition: str, reason: Refusal, detail: str) -> None:
        """Take the rows of a table that fulfil a condition out of it, as refused. The table has `number`; `detail` is SQL text."""
        raw = "NULL" if self.traced else "''"
        self.run(
            f"INSERT INTO refused SELECT number, NULL, {literal(reason)}, {detail}, {raw} FROM {table} WHERE {condition}"  # noqa: S608
        )
        self.run(f"DELETE FROM {table} WHERE {condition}")  # noqa: S608 - of our own making

    def refuse_repeated(self, table: str, key: str, detail: str) -> None:
        """Of the rows of a table that share a key, keep the first. The table has `number` and a unique `place`."""
        earlier = f"SELECT place, first(number) OVER (PARTITION BY {key} ORDER BY place) AS earliest, "
        earlier += f"row_number() OVER (PARTITION BY {key} ORDER BY place) AS nth FROM {table}"
        self.run(f"CREATE OR REPLACE TEMP TABLE repeated AS SELECT * FROM ({earlier}) WHERE nth > 1")  # noqa: S608
        found = f"{literal(detail + ' as in row ')} || (SELECT earliest FROM repeated WHERE repeated.place = {table}.place)"  # noqa: S608
        self.refuse_where(table, "place IN (SELECT place FROM repeated)", Refusal.DUPLICATE, found)

    def has(self, table: str) -> bool:
        """Whether the table exists."""
        return bool(self.value("SELECT count(*) FROM duckdb_tables() WHERE table_name = ?", table))

    def run(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run a statement of ours to its end; its rows, if it gives any."""
        try:
            return self.connection.execute(statement, list(parameters)).fetchall()
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise UnavailableError(f"the import has no room to work: {str(error).splitlines()[0]}", where=str(self._folder)) from None

    def value(self, query: str, *parameters: object) -> int:
        """The one whole number that a query of ours answers with."""
        return int(self.run(query, *parameters)[0][0] or 0)

    def columns(self, table: str) -> dict[str, str]:
        """Column name → SQL type, our own columns left out."""
        rows = self.run(f"DESCRIBE {quoted(table)}")
        return {name: kind for name, kind, *_ in rows if not name.startswith("__letterpress")}

    def chunks(self, query: str, size: int = CHUNK) -> Iterator[pa.Table]:
        """The result of a query of ours in pieces of about `size` rows; the workbench may be written to in between."""
        gathered: list[pa.RecordBatch] = []
        for batch in self.connection.cursor().sql(query).to_arrow_reader(size):
            gathered.append(batch)
            if sum(one.num_rows for one in gathered) >= size:
                yield pa.Table.from_batches(gathered)
                gathered = []
        if gathered:
            yield pa.Table.from_batches(gathered)


def refuse_names(names: Sequence[str], where: str) -> None:
    """Raise InputError if SQL could not tell two columns apart."""
    lower = [name.lower() for name in names]
    if twice := sorted({name for name in lower if lower.count(name) > 1}):
        raise InputError(
            f"two columns are named {twice[0]!r}", where=where, hint="rename one of them; SQL does not tell upper from lower case"
        )


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
