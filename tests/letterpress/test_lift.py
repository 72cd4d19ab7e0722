"""`letterpress lift` over a table, as a user runs it: Hillstrom's experiment equals what its file says by hand."""

import csv
import json
import os
import subprocess
import sys
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev

import pytest

from tests.published import PUBLISHED, needs_published_data

DATA = PUBLISHED / "hillstrom.csv"
CONTROL = "No E-Mail"
ARMS = ("Mens E-Mail", "Womens E-Mail")
OUTCOMES = ("visit", "conversion", "spend")


def lift(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command in a home of its own."""
    command = [sys.executable, "-m", "letterpress", "lift", *arguments]
    environment = os.environ | {"LETTERPRESS_HOME": str(home), "COLUMNS": "200"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120, cwd=home)


def told(home: Path, *arguments: str) -> dict[str, dict[str, dict[str, float]]]:
    """What it found, by arm and outcome."""
    done = lift(home, "--table", str(DATA), "--arm", "segment", "--control", CONTROL, *arguments, "--json")
    found = json.loads(done.stdout)
    return {arm: {one["outcome"]: one["found"] for one in found["comparisons"] if one["arm"] == arm} for arm in ARMS}


@needs_published_data
def test_hillstrom_equals_what_the_file_says_by_hand(tmp_path: Path) -> None:
    """Means, differences and 95 % intervals of both arms against no mail, in visits, conversions and spend."""
    with DATA.open(newline="") as file:
        rows = list(csv.DictReader(file))
    of = {(arm, name): [float(row[name]) for row in rows if row["segment"] == arm] for arm in (*ARMS, CONTROL) for name in OUTCOMES}
    found = told(tmp_path, *(f"--outcome={name}" for name in OUTCOMES))
    for arm in ARMS:
        for name in OUTCOMES:
            ours, mailed, none = found[arm][name], of[arm, name], of[CONTROL, name]
            gap = fmean(mailed) - fmean(none)
            reach = 1.95996 * sqrt(stdev(mailed) ** 2 / len(mailed) + stdev(none) ** 2 / len(none))
            assert (ours["treated"], ours["control"]) == pytest.approx((fmean(mailed), fmean(none)))
            absolute = ours["difference"]["absolute_interval"]  # type: ignore[index]
            assert ours["difference"]["absolute"] == pytest.approx(gap)  # type: ignore[index]
            assert (absolute["low"], absolute["high"]) == pytest.approx((gap - reach, gap + reach), rel=1e-4)
    visits = [100 * found[arm]["visit"]["difference"]["absolute"] for arm in ARMS]  # type: ignore[index]
    assert visits == pytest.approx([7.66, 4.52], abs=0.005)
    either = [value for arm in ARMS for value in of[arm, "visit"]]
    assert 100 * (fmean(either) - fmean(of[CONTROL, "visit"])) == pytest.approx(6.09, abs=0.005)


@needs_published_data
def test_a_tampered_file_gets_no_verdict(tmp_path: Path) -> None:
    """Of those who got the men's mail and did not visit, one in five is lost: the figures would be better, and are not told."""
    lines = DATA.read_text().splitlines()
    quiet = [n for n, line in enumerate(lines) if "Mens E-Mail,0," in line and "Womens" not in line]
    lost = set(quiet[::5])
    (tmp_path / "less.csv").write_text("\n".join(line for n, line in enumerate(lines) if n not in lost))
    said = lift(tmp_path, "--table", "less.csv", "--arm", "segment", "--control", CONTROL, "--outcome", "visit")
    assert said.returncode == 0 and "No verdict" in said.stdout and "Find out why first" in said.stdout


def test_the_past_and_a_denominator_come_from_columns(tmp_path: Path) -> None:
    """--before takes the past out, --per counts per letter; shares that are not alike are told."""
    rows = ["group,letters,before,clicks"]
    rows += [f"{'new' if n % 4 else 'old'},{1 + n % 3},{n % 7},{(n % 7) + (n % 4 > 0) * (n % 2)}" for n in range(4_000)]
    (tmp_path / "table.csv").write_text("\n".join(rows))
    arguments = (
        "--table",
        "table.csv",
        "--arm",
        "group",
        "--control",
        "old",
        "--outcome",
        "clicks",
        "--share",
        "new=0.75",
        "--share",
        "old=0.25",
    )
    plain, adjusted, per = (
        json.loads(lift(tmp_path, *arguments, *more, "--json").stdout) for more in ((), ("--before", "before"), ("--per", "letters"))
    )
    cut = [one["comparisons"][0]["found"]["variance_cut"] for one in (plain, adjusted)]
    assert cut[0] == 0.0 and cut[1] > 0.8
    assert per["comparisons"][0]["found"]["treated"] < plain["comparisons"][0]["found"]["treated"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--table", "none.csv", "--outcome", "y"), "there is no such file"),
        (("--table", "t.csv", "--outcome", "z"), "there is no column 'z' (there: arm, y, word)"),
        (("--table", "t.csv"), "which column is the outcome?"),
        (("--table", "t.csv", "--outcome", "word"), "3 of 3 rows hold no number"),
        (("--table", "t.csv", "--outcome", "y"), "no row has the arm 'control' (there: a, b)"),
        (("--table", "t.csv", "--outcome", "y", "--control", "a", "--share", "x"), "'x' is no ARM=SHARE"),
        (("--table", "t.csv", "--outcome", "y", "--control", "a", "--share", "a=1"), "every arm needs a share above 0"),
        (("--table", "gap.csv", "--outcome", "y"), "1 rows have no arm"),
        ((), "nothing was sent yet"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    """Exit code 2, what, where and what to do; never a traceback."""
    (tmp_path / "t.csv").write_text("arm,y,word\na,1,x\na,0,y\nb,1,z\n")
    (tmp_path / "gap.csv").write_text("arm,y\n,1\ncontrol,0\n")
    done = lift(tmp_path, *arguments)
    assert done.returncode == 2 and said in done.stderr.replace("\n", "") and "Traceback" not in done.stderr
