"""The script for pages as it is served: small, the same every time, and kept by browsers."""

import gzip
import shutil
import subprocess
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from web.minifying import minified
from web.script import PATH, script

LIMIT = 2_048


def test_the_script_is_tiny() -> None:
    """Less than 2 kB as it is served, and little more than half of that when it is packed."""
    assert len(script()) < LIMIT
    assert len(gzip.compress(script())) < 1_250
    assert f"{len(script()):,} bytes" in (Path(__file__).resolve().parents[2] / "docs" / "script.md").read_text("utf-8")


def test_the_script_needs_no_leave_to_run_texts() -> None:
    """Nothing in it is refused by a content security policy without `unsafe-eval`, and it loads nothing else."""
    text = script().decode()
    assert all(word not in text for word in ("eval", "Function", "document.write", "createElement", "import"))


def test_the_script_is_served_to_be_kept(client: TestClient) -> None:
    """To any page, packed for who takes that, for an hour, and asked about by its tag afterwards."""
    answer = client.get(PATH, headers={"accept-encoding": "identity"})
    assert answer.content == script()
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=3600, stale-while-revalidate=86400"
    assert (answer.headers["access-control-allow-origin"], answer.headers["cross-origin-resource-policy"]) == ("*", "cross-origin")
    assert answer.headers["x-content-type-options"] == "nosniff"
    again = client.get(PATH, headers={"accept-encoding": "identity", "if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", answer.headers["etag"])
    packed = client.get(PATH, headers={"accept-encoding": "gzip"})
    assert (packed.headers["content-encoding"], packed.content) == ("gzip", script())
    assert packed.headers["etag"] != answer.headers["etag"]
    assert {answer.headers["vary"], packed.headers["vary"]} == {"Accept-Encoding"}


@pytest.mark.parametrize(
    ("source", "small"),
    [
        ("const first = 1\nconst second = first\n", "const a=1,b=a"),
        ("const name = one => {\n  // why\n  return one.name\n}\n", "const a=b=>{return b.name}"),
        ('const a1 = {name: "a  // b", $own: a1}\na1.$own', 'const a={name:"a  // b",b:a}\na.b'),
        ("const f = (left, right) => left + +right", "const c=(a,b)=>a+ +b"),
        ("let x1 = 1\nconst y1 = 2\nif (x1) y1()\ny1 > x1\n", "let a=1\nconst b=2\nif(a)b()\nb>a"),
        ("const x1 = b => [\n  b,\n  a\n]\n", "const c=b=>[b,a]"),
        ("const x1 = y1.replace(/-/g, x1)", "const a=y1.replace(/-/g,a)"),
    ],
)
def test_making_small_changes_no_meaning(source: str, small: str) -> None:
    """Names of the script's own get letters that nothing else has; properties, texts and the ends of statements stay."""
    assert minified(source) == small


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_the_script_is_javascript(tmp_path: Path) -> None:
    """Node's parser takes it."""
    (tmp_path / "letterpress.js").write_bytes(script())
    assert subprocess.run(["node", "--check", "letterpress.js"], cwd=tmp_path, check=False).returncode == 0
