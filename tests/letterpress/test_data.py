"""`letterpress import`, as a user runs it: exit codes, accounts, rejects files, and no traceback for bad input."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CSV = "id;mail;age\n1;a@shop.example;41\n2;nonsense;42\n3;c@shop.example;43\n"
MAP = "SELECT id AS recipient_id, mail AS address, true AS consent, age FROM source"


def letterpress(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command in a home of its own."""
    environment = os.environ | {"LETTERPRESS_HOME": str(home)}
    command = [sys.executable, "-m", "letterpress", "import", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def customers(tmp_path: Path) -> str:
    """A CSV file of three customers, one without a usable address."""
    path = tmp_path / "customers.csv"
    path.write_text(CSV)
    return str(path)


def test_an_import_accounts_for_every_row(tmp_path: Path, customers: str) -> None:
    """The JSON answer counts read, written and refused rows and names the rejects file; a second run writes nothing."""
    mapping = tmp_path / "map.sql"
    mapping.write_text(MAP)
    done = letterpress(tmp_path, "recipients", customers, "--map", str(mapping), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert (report["read"], report["written"], report["refused"]) == (3, 2, {"bad_address": 1})
    assert Path(report["rejects"]) == tmp_path / "var" / "rejects" / "recipients-customers.csv"
    assert Path(report["rejects"]).read_text().splitlines()[1].startswith("2,3,bad_address,")
    again = json.loads(letterpress(tmp_path, "recipients", customers, "--map", MAP, "--json").stdout)
    assert (again["written"], again["unchanged"]) == (0, 2)


def test_people_get_sentences(tmp_path: Path, customers: str) -> None:
    """Without --json the account is told in words, with the place of the refused rows."""
    done = letterpress(tmp_path, "recipients", customers, "--map", MAP, "--name", "shop")
    assert done.returncode == 0
    assert "recipients from shop: 3 read, 2 written, 0 unchanged" in done.stdout
    assert "refused 1: bad_address" in done.stdout
    assert "recipients-shop.csv" in done.stdout


def test_an_import_of_nothing_but_bad_rows_fails(tmp_path: Path, customers: str) -> None:
    """Where every row is refused the account is still given, and the exit code is 2."""
    done = letterpress(tmp_path, "recipients", customers, "--map", MAP.replace("mail", "age"), "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["refused"] == {"bad_address": 3}


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["recipients", "nothing.csv"], "no such file"),
        (["recipients", "customers.csv", "--map", "SELECT id AS recipient_id FROM source"], "true AS consent"),
        (["recipients", "customers.csv", "--map", "DROP TABLE source"], "one SELECT"),
        (["recipients", "postgresql://clerk:hunter2@127.0.0.1:1/shop", "--table", "customers"], "cannot be read"),
        (["decisions", "customers.csv", "--name", "../x"], "name of an import"),
        (["letters", "customers.csv"], "letters"),
    ],
)
def test_mistakes_are_told_and_end_with_2(tmp_path: Path, customers: str, arguments: list[str], what: str) -> None:
    """A mistake of the user's is one message on standard error, exit code 2, no traceback, no password."""
    done = letterpress(tmp_path, *(str(Path(customers).parent / one) if one.endswith(".csv") else one for one in arguments))
    assert done.returncode == 2
    assert what in done.stderr
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr
