"""The year of the `loop` benchmark, in small."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from benchmarks.loop import QUICK, measured, recovered
from benchmarks.looping.letters import WEEKS_LIVE, content_of_week, surfaces_of_week
from benchmarks.looping.log import Log, clicks_of, rankings_of
from benchmarks.looping.world import BEGAN, CHANGED_MINDS, Reader, alike, at_of, first_world, on_the_site
from benchmarks.looping.year import Week
from domain.campaign import Holdout, Policy
from simulator.oracle import best_for_each


def test_variants_come_and_go_a_few_at_a_time() -> None:
    """Every one of a category is another one eight weeks later; the default slate stays; no week replaces most of a placement."""
    weeks = [{c.variant for c in surfaces_of_week(week)[2].choices} for week in range(2 * WEEKS_LIVE)]
    assert {name.partition("-")[0] for name in weeks[0] & weeks[WEEKS_LIVE]} == {"default"}
    assert all(len(before - after) <= 1 for before, after in pairwise(weeks))


def test_the_house_sees_the_letter_that_the_world_shows() -> None:
    """Same variants in the same order, with the same default slate."""
    content = content_of_week(5, Policy(), Holdout())
    for surface in surfaces_of_week(5):
        assert [v.variant for v in content.of(surface.placement)] == [c.variant for c in surface.choices]
        assert content.default_slate(surface.placement) == surface.default


def test_some_change_their_minds_every_week_and_the_others_do_not() -> None:
    """About three in a hundred; seasons weigh tastes and leave them shares."""
    world = first_world(4_000, seed=3, site_events=1.0)
    later = world.later(1)
    changed = (world.people.tastes != later.people.tastes).any(axis=1).mean()
    assert changed == pytest.approx(CHANGED_MINDS, abs=0.01)
    assert later.in_season(10).tastes.sum(axis=1) == pytest.approx(np.ones(4_000), abs=1e-5)


def test_half_the_site_events_are_half_of_them() -> None:
    """Those that are left out leave purchases alone."""
    views, bought = zip(*(on_the_site(first_world(2_000, seed=3, site_events=share), 1) for share in (1.0, 0.5)), strict=True)
    assert len(views[1]) / len(views[0]) == pytest.approx(0.5, abs=0.05)
    assert bought[0].equals(bought[1])


def test_the_oracle_is_worth_more_than_default_content_and_draws_are_shared() -> None:
    """Values are expectations, and the same letter meets the same chance whoever wrote it."""
    world = first_world(500, seed=3, site_events=1.0)
    surfaces = surfaces_of_week(0)
    reader = Reader(world.in_season(0), surfaces, world.catalogue, 3, 0)
    default, best = alike(surfaces, 500), {s.placement: best_for_each(reader.people, s, 3) for s in surfaces}
    assert reader.value(best).mean() > 2 * reader.value(default).mean()
    once, again = (reader.responses(default) for _ in range(2))
    assert all((once[placement].clicked == again[placement].clicked).all() for placement in once)


def test_clicks_are_told_by_the_decisions_they_came_of() -> None:
    """Decisions and rankings are each other's inverse, and a subject line is clicked when anything in the letter is."""
    world = first_world(300, seed=3, site_events=1.0)
    surfaces, ids = surfaces_of_week(0), pd.Index(world.people.recipients["recipient_id"])
    default = alike(surfaces, 300)
    decisions = pd.concat(
        pd.DataFrame({"recipient_id": ids, "placement": s.placement, "position": at + 1, "variant": s.default[at]})
        for s in surfaces
        for at in range(s.positions)
    ).reset_index(drop=True)
    decisions["decision_id"] = decisions.index.astype("str")
    assert all((rankings_of(decisions, surfaces, ids)[s.placement] == default[s.placement]).all() for s in surfaces)
    responses = Reader(world.in_season(0), surfaces, world.catalogue, 3, 0).responses(default)
    clicks = clicks_of(decisions, surfaces, responses, ids, BEGAN)
    letters = np.hstack([part.clicked for part in responses.values()])
    assert len(clicks) == letters.sum() + letters.any(axis=1).sum()
    assert (clicks["occurred_at"] >= pd.Timestamp(BEGAN)).all()


def test_a_log_forgets_what_nobody_looks_back_on() -> None:
    """Letters of ten weeks, events of eighteen; nothing before the first."""
    log, world = Log(), first_world(50, seed=3, site_events=1.0)
    assert log.history(BEGAN).events.num_rows == 0
    for week in range(20):
        log.seen(at_of(week), *on_the_site(world, week))
    kept = log.history(at_of(20)).events["occurred_at"].to_pylist()
    assert BEGAN + timedelta(weeks=1) <= min(kept) <= BEGAN + timedelta(weeks=3)


def test_the_share_recovered_is_of_sums_over_weeks() -> None:
    """(3 + 4) of (10 + 10) beyond the default."""
    weeks = [Week(at, {"default": 1.0, "oracle": 11.0, "weekly": value}, None) for at, value in ((0, 4.0), (1, 5.0))]
    assert recovered(weeks, "weekly") == pytest.approx(0.35)


def test_a_short_year_beats_default_content_and_popularity() -> None:
    """Two weeks with a model, for a small shop."""
    figures = measured(replace(QUICK, recipients=1_500, weeks=2)).figures
    assert figures["recovered_gap"] > 0.3  # type: ignore[operator]
    assert figures["weekly"] > figures["popularity"] > figures["random"]  # type: ignore[operator]
    assert figures["default"] < figures["oracle"]  # type: ignore[operator]
