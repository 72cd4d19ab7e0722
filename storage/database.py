"""The database: one code for SQLite (WAL) and PostgreSQL. Nobody else opens a connection."""

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from domain.errors import InputError, UnavailableError

BUSY_TIMEOUT_MS = 30_000
CONNECT_TIMEOUT_S = 10
BATCH = 1_000  # ids per IN list: below SQLite's 32,766 variables and PostgreSQL's 65,535, with room for further ones

_TURN = 0.001  # seconds between two attempts to write
_CHECKPOINTS = 3  # attempts
_T = TypeVar("_T")
Insert = sqlite.Insert | postgresql.Insert
_WRITES = "letterpress_writes"
_DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


class Database:
    """Connections to one database. Opening is lazy: `check` is what finds out whether it answers."""

    def __init__(self, url: str) -> None:
        self.url = _parse(url)
        self.dialect = self.url.get_backend_name()
        self._reader = _sqlite_engine(self.url) if self.dialect == "sqlite" else _postgresql_engine(self.url)
        self._writer = self._reader.execution_options(**{_WRITES: True, "preserve_rowcount": True})  # of inserts too, on PostgreSQL

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A write transaction: committed at the end, rolled back by an exception. SQLite: BEGIN IMMEDIATE, one writer at a time."""
        with _unavailable(self.url), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A read transaction: one snapshot, never blocked by writers on either database."""
        with _unavailable(self.url), self._reader.connect() as connection:
            yield connection

    def check(self) -> None:
        """Raise UnavailableError unless the database answers."""
        with self.connect() as connection:
            connection.execute(sa.text("SELECT 1"))

    def compact(self, tables: Iterable[str] = ()) -> bool:
        """Leave nothing behind of what was deleted. SQLite: the file is written anew and the log emptied; False if somebody reads it
        for so long that this could not be finished. PostgreSQL: vacuums the tables, which gives the space free to be overwritten.
        """
        with _unavailable(self.url):
            connection = self._reader.raw_connection()
            try:
                return _compact_sqlite(connection) if self.dialect == "sqlite" else _vacuum(connection, tables)
            finally:
                connection.close()

    def checkpoint(self) -> bool:
        """SQLite: bring the log into the file and empty it; False if somebody reads for so long that this could not be finished."""
        with _unavailable(self.url):
            connection = self._reader.raw_connection()
            try:
                return _checkpoint(connection.cursor())
            finally:
                connection.close()

    def insert(self, table: sa.Table) -> Insert:
        """INSERT with ON CONFLICT, which both databases spell alike but SQLAlchemy keeps per dialect."""
        return sqlite.insert(table) if self.dialect == "sqlite" else postgresql.insert(table)

    def dispose(self) -> None:
        """Close every pooled connection."""
        self._reader.dispose()


def _compact_sqlite(connection: Any) -> bool:
    cursor = connection.cursor()
    cursor.execute("VACUUM")
    return _checkpoint(cursor)


def _checkpoint(cursor: Any) -> bool:
    for _ in range(_CHECKPOINTS):
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # waits for readers as long as busy_timeout
        [busy, *_] = cursor.fetchone()
        if not busy:
            return True
    return False


def _vacuum(connection: Any, tables: Iterable[str]) -> bool:
    connection.driver_connection.autocommit = True
    try:
        for table in tables:
            connection.cursor().execute(f'VACUUM "{table}"')
    finally:
        connection.driver_connection.autocommit = False
    return True


def batches(items: Sequence[_T] | Iterator[_T], size: int = BATCH) -> Iterator[list[_T]]:
    """Cut into lists of at most `size`."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def _parse(url: str) -> URL:
    try:
        parsed = sa.make_url(url)
    except ArgumentError:
        raise InputError("not a database URL", hint="such as sqlite:////path/letterpress.db or postgresql://user@host/name") from None
    parsed = parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))
    if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        raise InputError(f"{parsed.get_backend_name()} cannot be Letterpress's own database", hint="use SQLite or PostgreSQL")
    return parsed


def _postgresql_engine(url: URL) -> Engine:
    return sa.create_engine(
        url, hide_parameters=True, pool_pre_ping=True, connect_args={"connect_timeout": CONNECT_TIMEOUT_S}, pool_size=10, max_overflow=20
    )


def _sqlite_engine(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        _make_folder(Path(url.database).parent)
    engine = sa.create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}, pool_size=10, max_overflow=20)
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnavailableError(f"cannot create the folder of the database: {error.strerror}", where=str(folder)) from None


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves: the driver's own begins take the write lock too late
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_TIMEOUT_MS}", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    if connection.get_execution_options().get(_WRITES, False):
        _begin_to_write(connection)
    else:
        connection.exec_driver_sql("BEGIN")


def _begin_to_write(connection: Connection) -> None:
    """BEGIN IMMEDIATE, asked for every millisecond. SQLite's own waiting sleeps longer and longer, up to 100 ms: two processes that
    write in turns would spend as long asleep as at work.
    """
    cursor = connection.connection.cursor()
    cursor.execute("PRAGMA busy_timeout=0")
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    try:
        while time.monotonic() < deadline:
            try:
                cursor.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    break
                time.sleep(_TURN)
            else:
                return
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # once more, for the error
    finally:
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.close()


@contextmanager
def _unavailable(url: URL) -> Iterator[None]:
    """Turn what the operator must mend into UnavailableError; faults of ours (bad SQL, violated constraints) pass."""
    try:
        yield
    except PoolTimeout:
        raise UnavailableError("the database has no free connection", where=_place(url)) from None
    except DBAPIError as error:
        if not _operational(error):
            raise
        reason = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
        raise UnavailableError(f"the database does not answer: {reason}", where=_place(url)) from None


def _operational(error: DBAPIError) -> bool:
    code = getattr(error.orig, "sqlite_errorname", None)
    if code is not None:  # SQLITE_ERROR is bad SQL or a missing table; the others are locks, disks, files
        return code.split("_")[1] in {"BUSY", "LOCKED", "CANTOPEN", "READONLY", "IOERR", "FULL", "NOTADB", "CORRUPT", "PERM", "PROTOCOL"}
    return error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError))


def _place(url: URL) -> str:
    return url.render_as_string(hide_password=True)
