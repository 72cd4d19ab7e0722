"""Migrations and the schema say the same, and whoever comes first brings the database up to date."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from storage.database import Database
from storage.migrations import migrate
from storage.schema import metadata


def test_migrated_database_is_the_schema(database: Database) -> None:
    """A migrated database differs in nothing from the tables that the code knows."""
    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_migrating_twice_changes_nothing(database: Database) -> None:
    """Migrating a database that is at the newest revision is no error."""
    migrate(database)
    migrate(database)


def test_processes_that_start_at_once_migrate_once(tmp_path: Path) -> None:
    """Several processes that find no database make one between them, and none of them fails."""
    code = "import sys; from storage.database import Database; from storage.migrations import migrate; migrate(Database(sys.argv[1]))"
    started = [subprocess.Popen([sys.executable, "-c", code, f"sqlite:///{tmp_path}/new.db"]) for _ in range(3)]
    assert [process.wait() for process in started] == [0, 0, 0]


def test_threads_may_migrate_at_once(tmp_path: Path) -> None:
    """Threads of one process that all open the same new database do not get into each other's way."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, [Database(f"sqlite:///{tmp_path}/new.db") for _ in range(4)]))
