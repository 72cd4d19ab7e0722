"""Migrations and the schema say the same."""

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
