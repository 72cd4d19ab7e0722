"""Other databases, by SQLAlchemy URL: a table, or what a query selects. Nothing is written there."""

import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
import sqlglot
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlglot import exp

from domain.errors import InputError, UnavailableError
from storage.database import CONNECT_TIMEOUT_S, batches
from storage.imports.report import Progress, Refusal, Step
from storage.imports.workbench import CHUNK, LINE, ROW, Refused, Workbench, literal, refuse_names

_DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


def is_database_url(source: str) -> bool:
    """Whether the source names a database rather than a file."""
    return "://" in source


def load_database(source: str, bench: Workbench, progress: Progress, *, query: str | None, table: str | None) -> int:
    """Fill the table `raw`; returns how many rows there were.

    InputError for a URL, table or query that cannot be used, UnavailableError for a database that does not answer.
    """
    url = _parsed(source)
    engine = _engine(_guarded(url))
    try:
        with engine.connect() as connection:
            _make_read_only(connection)
            selection = _selection(connection, query, table)
            rows = _copy(connection, selection, bench, progress)
            connection.rollback()
    except (SQLAlchemyError, OSError) as error:
        raise _refusal(error, url) from None
    finally:
        engine.dispose()
    if not rows:
        raise InputError("the source has no rows", where=_place(url))
    return rows


def _parsed(source: str) -> URL:
    try:
        url = sa.make_url(source)
    except ArgumentError:
        raise InputError("not a database URL", hint="such as postgresql://user:password@host/name or sqlite:////path/file.db") from None
    return url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))


def _guarded(url: URL) -> URL:
    """SQLite files are opened read-only: a mistyped path must not become an empty database."""
    if url.get_backend_name() == "sqlite" and url.database:
        return url.set(
            database=f"file:{url.database}", query={"mode": "ro", "uri": "true"}
        )  # a mistyped path must not become an empty database
    return url


def _engine(url: URL) -> Engine:
    options = {"connect_timeout": CONNECT_TIMEOUT_S} if url.get_backend_name() in {"postgresql", "mysql", "mariadb"} else {}
    try:
        engine = sa.create_engine(url, hide_parameters=True, connect_args=options)
    except (ArgumentError, NoSuchModuleError, TypeError):
        raise InputError(f"{url.drivername!r} is no kind of database that SQLAlchemy knows here", where=_place(url)) from None
    except ImportError as error:
        raise InputError(
            f"the driver {error.name!r} is not installed", where=_place(url), hint=f"install it: pip install {error.name}"
        ) from None
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _keep_undecodable)
    return engine


def _keep_undecodable(connection: Any, _record: object) -> None:
    connection.text_factory = lambda text: text.decode(errors="surrogateescape")


def _make_read_only(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")


def _selection(connection: Connection, query: str | None, table: str | None) -> sa.TextClause | sa.Select[Any]:
    if query is not None:
        return sa.text(_reading(query, connection.dialect.name).replace(":", r"\:"))
    names = sa.inspect(connection).get_table_names() + sa.inspect(connection).get_view_names()
    if table is None and len(names) != 1:
        raise InputError("which table is to be imported?", hint=f"--table or --query; there are: {', '.join(sorted(names)) or 'none'}")
    schema, _, name = (table or names[0]).rpartition(".")
    return sa.select(sa.text("*")).select_from(sa.table(name, schema=schema or None))


def _reading(query: str, dialect: str) -> str:
    """The query, if it only reads."""
    try:
        statements = sqlglot.parse(query, dialect={"postgresql": "postgres"}.get(dialect, dialect))
    except (sqlglot.errors.SqlglotError, ValueError) as error:
        raise InputError(f"the query cannot be read: {str(error).splitlines()[0]}", where="--query") from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query) or statements[0].find(exp.Insert, exp.Update, exp.Delete, exp.Into):
        raise InputError("the query must be one SELECT", where="--query")
    return query.strip().rstrip(";")


def _copy(connection: Connection, selection: sa.TextClause | sa.Select[Any], bench: Workbench, progress: Progress) -> int:
    """By way of Parquet files: types may differ from chunk to chunk, and DuckDB unites them over the files."""
    result = connection.execution_options(stream_results=True, max_row_buffer=CHUNK).execute(selection)
    names, rows = list(result.keys()), 0
    refuse_names(names, "the query" if isinstance(selection, sa.TextClause) else "the table")
    for chunk in batches(_tuples(result), CHUNK):
        pq.write_table(_table(names, chunk, first=rows + 1, bench=bench), bench.folder / f"rows-{rows:012d}.parquet")
        rows += len(chunk)
        progress(Step("reading", rows))
    if rows:
        files = literal(str(bench.folder / "rows-*.parquet"))
        bench.run(f"CREATE TABLE raw AS SELECT * FROM read_parquet({files}, union_by_name = true)")  # noqa: S608 - quoted above
    return rows


def _tuples(result: sa.CursorResult[Any]) -> Iterator[Sequence[Any]]:
    for partition in result.partitions(CHUNK):
        yield from partition


def _table(names: list[str], rows: list[Sequence[Any]], first: int, bench: Workbench) -> pa.Table:
    numbered = list(enumerate(rows, start=first))
    bad = [
        row for row, values in numbered if any(isinstance(value, str) and not value.isascii() and not _encodable(value) for value in values)
    ]
    bench.refuse([Refused(row, None, Refusal.UNDECODABLE, "bytes that are not UTF-8", "") for row in bad])
    dropped = set(bad)
    good = [(row, values) for row, values in numbered if row not in dropped]
    columns = zip(*(values for _, values in good), strict=True) if good else [[] for _ in names]
    arrays: dict[str, Any] = {ROW: pa.array([row for row, _ in good], pa.int64()), LINE: pa.nulls(len(good), pa.int64())}
    return pa.table(arrays | {name: _array(column) for name, column in zip(names, columns, strict=True)})


def _array(column: Sequence[Any]) -> Any:
    """As Arrow infers it; decimals as floats; what does not go together, or is unknown to Arrow, as text."""
    values = [float(value) if isinstance(value, Decimal) else value for value in column]
    values = [None if isinstance(value, float) and math.isnan(value) else value for value in values]
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refusal(error: Exception, url: URL) -> InputError | UnavailableError:
    original = getattr(error, "orig", None) or error
    text = (str(original).strip() or type(original).__name__).splitlines()[0]
    if isinstance(error, sa.exc.OperationalError) and "no such" not in text and "syntax" not in text:
        return UnavailableError(f"the database cannot be read: {text}", where=_place(url))
    return InputError(f"the database refused: {text}", where=_place(url))


def _place(url: URL) -> str:
    return url.render_as_string(hide_password=True)
