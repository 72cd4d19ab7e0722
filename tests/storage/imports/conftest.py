"""Importers on an empty database and lake."""

from pathlib import Path

import pytest

from storage.database import Database
from tests.storage.imports.importing import Importer


@pytest.fixture
def importer(sqlite_database: Database, tmp_path: Path) -> Importer:
    """Imports into SQLite."""
    return Importer(sqlite_database, tmp_path)


@pytest.fixture
def any_importer(database: Database, tmp_path: Path) -> Importer:
    """Imports into SQLite, and into PostgreSQL."""
    return Importer(database, tmp_path)
