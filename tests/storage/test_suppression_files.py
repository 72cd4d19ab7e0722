"""Suppression lists come in and go out as CSV, and what cannot be read is said row by row."""

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import InputError
from domain.message import SuppressionReason
from domain.suppression import RefusedRow, Suppression
from storage.database import Database
from storage.erased_addresses import keep_hashed
from storage.suppression_files import export_suppressions, import_suppressions, read_suppressions
from storage.suppressions import Suppressions

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


def written(tmp_path: Path, content: bytes) -> Path:
    """A file with this content."""
    path = tmp_path / "list.csv"
    path.write_bytes(content)
    return path


def test_rows_are_new_known_or_refused(database: Database, tmp_path: Path) -> None:
    """Every row counts once; a refused one has its line and its reason, and the others are taken. Again changes nothing."""
    path = written(
        tmp_path,
        b"Reason,Address,suppressed_at\n"
        b"complained,Ann@Example.org,2026-01-02T03:04:05+01:00\n"
        b"manual,ann@example.ORG,\n"
        b"hated,bob@example.org,\n"
        b"\n"
        b",not-an-address,\n"
        b",\xff@example.org,\n"
        b",carl@example.org,yesterday\n"
        b",dora@example.org\n",
    )
    done = import_suppressions(Suppressions(database), path, AT)
    assert (done.read, done.new, done.known) == (7, 2, 1)
    assert [one.row for one in done.refused] == [4, 6, 7, 8]
    assert "unsubscribed" in done.refused[0].reason and done.refused[1:3] == (RefusedRow(6, "not an address"), RefusedRow(7, "not UTF-8"))
    assert list(Suppressions(database).all()) == [
        Suppression("ann@example.org", SuppressionReason.COMPLAINED, datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC)),
        Suppression("dora@example.org", SuppressionReason.MANUAL, AT),
    ]
    again = import_suppressions(Suppressions(database), path, AT)
    assert (again.new, again.known) == (0, 3)


def test_what_is_exported_can_be_imported(database: Database, tmp_path: Path) -> None:
    """An export, more than one page of it, brings back every record as it was; only its owner may read the file."""
    suppressions, out = Suppressions(database), tmp_path / "out.csv"
    given = [Suppression(f"r{number:04}@example.org", SuppressionReason.HARD_BOUNCED, AT, 'said "no", twice\n') for number in range(1_203)]
    assert suppressions.add_all(given) == 1_203
    assert export_suppressions(suppressions, out) == 1_203
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    found = list(suppressions.all())
    assert all(suppressions.remove(one.address) for one in found)
    import_suppressions(suppressions, out, AT)
    assert [(one.address, one.reason, one.at) for one in suppressions.all()] == [(one.address, one.reason, one.at) for one in found]


def test_a_plain_list_of_addresses_will_do(tmp_path: Path) -> None:
    """Without a header the first cell of every row is an address."""
    rows = read_suppressions(written(tmp_path, b"\xef\xbb\xbfann@example.org\r\nbob@example.org\r\n"), AT)
    assert [row.address for row in rows if isinstance(row, Suppression)] == ["ann@example.org", "bob@example.org"]


def test_an_erased_address_is_not_written_down_again(database: Database, tmp_path: Path) -> None:
    """Whoever was erased and is not to be written to is suppressed already, by a hash alone."""
    with database.begin() as connection:
        keep_hashed(database, connection, "ann@example.org", SuppressionReason.UNSUBSCRIBED, AT)
    done = import_suppressions(Suppressions(database), written(tmp_path, b"ann@example.org\n"), AT)
    assert (done.new, done.known, Suppressions(database).count()) == (0, 1, 0)


@pytest.mark.parametrize("content", [b"", b"name,mail\na,b\n", b"a" * 200_000])
def test_what_is_no_list_is_refused_as_a_whole(tmp_path: Path, content: bytes) -> None:
    """Nothing is guessed about a file without addresses."""
    with pytest.raises(InputError):
        list(read_suppressions(written(tmp_path, content), AT))


def test_a_missing_file_is_a_mistake_of_the_users(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(InputError, match=r"nowhere\.csv"):
        list(read_suppressions(tmp_path / "nowhere.csv", AT))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400))
def test_every_row_of_any_file_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    """No byte makes it fail in another way."""
    for one in read_suppressions(written(tmp_path, b"address,suppressed_at,reason\n" + content), AT):
        assert isinstance(one, (Suppression, RefusedRow))
