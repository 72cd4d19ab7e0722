"""Bring a database to the schema of this version. Alembic without an ini file: `migrate` is the only way in."""

from pathlib import Path
from threading import Lock

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from storage.database import Database

_LOCK = 0x1E77E2  # PostgreSQL advisory lock: two processes that start at once must not both create tables

_one_at_a_time = Lock()  # Alembic keeps the migration at work in module globals


def migrate(database: Database) -> None:
    """Upgrade to the newest revision in one transaction; nothing happens if it is there already."""
    with _one_at_a_time, database.begin() as connection:
        if database.dialect == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        configuration = Config()
        configuration.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")
