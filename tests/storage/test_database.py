"""The database: transactions, and failures that say what to mend without telling secrets."""

import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from domain.errors import InputError, UnavailableError
from storage.database import Database, batches
from storage.schema import suppressions


def count(database: Database) -> int:
    """Rows of a small table."""
    with database.connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(suppressions)) or 0


def row(address: str) -> dict[str, object]:
    """A row of that table."""
    return {"address_normalised": address, "reason": "manual", "suppressed_at": sa.func.current_timestamp()}


def insert(database: Database, *addresses: str) -> None:
    """Insert rows in one transaction."""
    with database.begin() as connection:
        for address in addresses:
            connection.execute(sa.insert(suppressions).values(**row(address)))


def insert_each(database: Database, addresses: list[str]) -> None:
    """Insert rows, each in a transaction of its own."""
    for address in addresses:
        insert(database, address)


def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    """What was written before an exception in the same transaction is gone."""
    with pytest.raises(IntegrityError):
        insert(database, "a@example.org", "a@example.org")
    assert count(database) == 0


def test_a_reader_sees_one_snapshot_while_a_writer_commits(database: Database) -> None:
    """A read is neither blocked by a writer nor shown what is not committed."""
    with database.begin() as writer:
        writer.execute(sa.insert(suppressions).values(**row("a@example.org")))
        assert count(database) == 0
    assert count(database) == 1


def test_writers_wait_for_each_other(database: Database) -> None:
    """Writers at the same time all succeed: none is told that the database is locked."""
    names = [[f"{worker}-{number}@example.org" for number in range(20)] for worker in range(6)]
    threads = [threading.Thread(target=insert_each, args=(database, one)) for one in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(database) == 120


def test_who_waits_too_long_to_write_is_told(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that holds on for longer than the time allowed makes the others fail, and they can write when it is done."""
    monkeypatch.setattr("storage.database.BUSY_TIMEOUT_MS", 50)
    with sqlite_database.begin(), pytest.raises(UnavailableError, match="locked"):
        insert(sqlite_database, "a@example.org")
    insert(sqlite_database, "a@example.org")
    assert count(sqlite_database) == 1


def test_sqlite_keeps_what_it_committed(sqlite_database: Database) -> None:
    """SQLite runs in WAL mode with full synchronisation: a commit survives a crash of the machine."""
    with sqlite_database.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_an_unreachable_server_is_unavailable_and_keeps_its_password() -> None:
    """A server that refuses connections is UnavailableError, whose text holds no password."""
    with pytest.raises(UnavailableError) as caught:
        Database("postgresql://clerk:hunter2@127.0.0.1:1/letterpress").check()
    assert "hunter2" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    """A database file with something else in it is reported as such, not as a traceback."""
    path = tmp_path / "letter.db"
    path.write_text("Dear Sir or Madam, " * 100)
    with pytest.raises(UnavailableError, match="not a database"):
        Database(f"sqlite:///{path}").check()


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    """A database whose folder cannot exist is refused with that folder's name."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="file"):
        Database(f"sqlite:///{tmp_path / 'file' / 'letterpress.db'}")


@pytest.mark.parametrize("url", ["letterpress.db", "mysql://host/name", "://"])
def test_urls_of_other_things_are_the_users_mistake(url: str) -> None:
    """What is no URL, or names a database that Letterpress does not run on, is InputError."""
    with pytest.raises(InputError):
        Database(url)


def test_faults_of_ours_are_not_called_unavailable(database: Database) -> None:
    """Bad SQL stays the programming error it is: trying again cannot help."""
    with pytest.raises(SQLAlchemyError), database.connect() as connection:
        connection.execute(sa.text("SELECT nonsense FROM nowhere"))


def test_batches_cut_without_loss() -> None:
    """Batches hold every item once, in order, and none is larger than asked."""
    assert list(batches(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(batches([], 3)) == []
