"""The past of a shop's pages: what is written can be imported, adds up, and holds something to learn."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from delivery.compile import compile_campaign
from domain.errors import InputError
from letterpress.commands.simulate import app_commands
from simulator.letters import surfaces_of
from simulator.past_visits import VisitsSummary, simulate_visits
from simulator.shop_files import DECISIONS, EVENTS, RECIPIENTS

UNTIL = datetime(2026, 11, 23, 9, tzinfo=UTC)
SURFACES = surfaces_of(compile_campaign(Path(__file__).resolve().parents[2] / "templates" / "web"))


def simulated(out: Path, people: int = 400, seed: int = 1) -> VisitsSummary:
    """A small past."""
    return simulate_visits(out, recipients=people, weeks=3, seed=seed, until=UNTIL, surfaces=SURFACES)


def test_the_same_arguments_write_the_same_bytes(tmp_path: Path) -> None:
    """And another seed is another shop."""
    made = [simulated(tmp_path / name, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))]
    files = [[(tmp_path / name / file).read_bytes() for file in (RECIPIENTS, DECISIONS, EVENTS)] for name in "abc"]
    assert files[0] == files[1] != files[2]
    assert (made[0].visits, made[0].clicks) == (made[1].visits, made[1].clicks)


def test_what_was_shown_adds_up(tmp_path: Path) -> None:
    """Every visit has each position once, nothing twice in a placement, with the probability of a uniform draw; all of it is past."""
    made = simulated(tmp_path)
    shown = pd.read_parquet(tmp_path / DECISIONS)
    assert len(shown) == made.visits * 4
    assert shown["decided_at"].max() < UNTIL
    strip = shown[shown["placement"] == "web.home_strip"]
    visit = ["recipient_id", "decided_at"]
    assert (strip.groupby(visit)["variant"].nunique() == 3).all()
    assert np.allclose(strip.loc[strip["position"] == 2, "prefix_propensity"], 1 / 8 / 7)
    assert int(shown["clicked"].sum()) == made.clicks
    assert (shown.loc[shown["clicked"], "clicked_at"] > shown.loc[shown["clicked"], "decided_at"]).all()


def test_a_search_says_what_is_clicked(tmp_path: Path) -> None:
    """Within minutes of a search what it was for is clicked most; without one what somebody likes; the rest hardly ever."""
    simulated(tmp_path, people=1_500)
    shown, events = pd.read_parquet(tmp_path / DECISIONS), pd.read_parquet(tmp_path / EVENTS)
    hero = shown[shown["placement"] == "web.home_hero"].assign(at=lambda frame: frame["decided_at"] - pd.Timedelta(minutes=2))
    looked = events[events["kind"] == "page_viewed"].rename(columns={"category": "wanted"})
    searched = events.loc[events["kind"] == "searched", ["recipient_id", "occurred_at"]].assign(
        at=lambda frame: frame["occurred_at"] + pd.Timedelta(minutes=1)
    )
    both = hero.merge(
        looked[["recipient_id", "occurred_at", "wanted"]], left_on=["recipient_id", "at"], right_on=["recipient_id", "occurred_at"]
    )
    both = both.merge(searched[["recipient_id", "at"]], on=["recipient_id", "at"], how="left", indicator="search")
    rates = (
        both.assign(right=both["category"] == both["wanted"], search=both["search"] == "both")
        .groupby(["search", "right"])["clicked"]
        .mean()
    )
    assert rates[True, True] > 0.4
    assert 0.2 < rates[False, True] < 0.36
    assert max(rates[True, False], rates[False, False]) < 0.08


@pytest.mark.parametrize(("people", "weeks"), [(0, 1), (1, 0)])
def test_a_past_of_nobody_is_refused(tmp_path: Path, people: int, weeks: int) -> None:
    """As a mistake of whoever asks."""
    with pytest.raises(InputError, match="at least one"):
        simulate_visits(tmp_path, recipients=people, weeks=weeks, seed=1, until=UNTIL, surfaces=SURFACES)


def test_the_command_writes_what_the_campaign_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`letterpress simulate visits`, in a home with the campaign's folder."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "web").symlink_to(Path(__file__).resolve().parents[2] / "templates" / "web")
    monkeypatch.setenv("LETTERPRESS_HOME", str(tmp_path))
    out = tmp_path / "shop"
    app = typer.Typer()
    app_commands(app)
    ran = CliRunner().invoke(app, ["simulate", "visits", "--out", str(out), "--recipients", "50", "--weeks", "2", "--json"])
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["recipients"] == 50
    assert {path.name for path in out.iterdir()} == {RECIPIENTS, DECISIONS, EVENTS}
