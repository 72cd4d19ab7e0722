"""`letterpress suppressions`, as a user runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path


def suppressions(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command in a home of its own."""
    command = [sys.executable, "-m", "letterpress", "suppressions", *arguments]
    environment = os.environ | {"LETTERPRESS_HOME": str(home)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120, cwd=home)


def test_a_list_comes_in_is_changed_and_goes_out(tmp_path: Path) -> None:
    """import says what it refused and why; add, remove, list and export speak of the same addresses, as text and as JSON."""
    (tmp_path / "given.csv").write_text("address,reason\nann@example.org,complained\nnobody,\nANN@example.org,\n")
    done = json.loads(suppressions(tmp_path, "import", "given.csv", "--json").stdout)
    assert (done["read"], done["new"], done["known"]) == (3, 1, 1)
    assert done["refused"] == [{"row": 3, "reason": "not an address"}]
    assert "suppressed" in suppressions(tmp_path, "add", "bob@example.org", "--detail", "called us").stdout
    listed = json.loads(suppressions(tmp_path, "list", "--json").stdout)
    assert [(one["address"], one["reason"]) for one in listed["suppressions"]] == [
        ("ann@example.org", "complained"),
        ("bob@example.org", "manual"),
    ]
    assert json.loads(suppressions(tmp_path, "remove", "Ann@example.org", "--json").stdout) == {"lifted": True}
    assert "1 written" in suppressions(tmp_path, "export", "out.csv").stdout
    assert (tmp_path / "out.csv").read_text().splitlines()[1].startswith("bob@example.org,manual,")


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    """A file that is not there, a file of nothing but nonsense, and no address: exit code 2, and no traceback."""
    (tmp_path / "nonsense.csv").write_text("address\nx\ny\n")
    for arguments in (("import", "nowhere.csv"), ("import", "nonsense.csv"), ("add", "nonsense")):
        done = suppressions(tmp_path, *arguments)
        assert done.returncode == 2 and "Traceback" not in done.stderr
