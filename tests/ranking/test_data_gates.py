"""Gates before training: what stops it, what is only noted, and what is nobody's business."""

from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pyarrow as pa
import pytest

from domain.campaign import Goal
from domain.recipient import AttributeKind
from ranking.features.drift import Drift, level_of
from ranking.history import DECISIONS, EVENTS, OUTCOMES, History
from ranking.training.data_counts import Contradiction, Counts, Flow, Scope, Week, count, written_to
from ranking.training.data_gates import Finding, Gate, drifted_share, findings_of_features, findings_of_history, lost_attributes
from tests.ranking.world import HERO, NOW, STORIES, World, make_world

SCOPE = Scope(Goal.CLICK, NOW, (), timedelta(days=1))


@pytest.fixture(scope="module")
def shop() -> World:
    return make_world(recipients=600, sends=8, seed=5)


def weeks(*decisions: int, clicks: float = 0.1, lacking: int = 0) -> tuple[Week, ...]:
    """Weeks of one placement, the latest first; `lacking` is of the latest."""
    return tuple(Week("hero", at, n, clicks * n, lacking if at == 0 else 0) for at, n in enumerate(decisions))


def gates(counts: Counts) -> list[Gate]:
    """What was found, by gate."""
    return [finding.gate for finding in findings_of_history(counts)]


def test_a_history_of_which_nothing_is_wrong_passes(shop: World) -> None:
    """Eight weekly letters: every week counted whole, and nothing found."""
    found = count(shop.history, SCOPE)
    assert {(week.placement, week.week): week.decisions for week in found.weeks} == {
        (placement, week): 600 * positions for placement, positions in ((HERO, 1), (STORIES, 3)) for week in range(8)
    }
    assert findings_of_history(found) == ()


def test_a_tracking_outage_stops_training_with_the_placement_and_both_rates(shop: World) -> None:
    """Without any click on the latest letter its placements are named."""
    outcomes = shop.history.outcomes.to_pandas()
    last = shop.history.decisions.to_pandas()["decided_at"].max()
    cut = pa.Table.from_pandas(outcomes[outcomes["occurred_at"] < last], schema=OUTCOMES, preserve_index=False)
    found = findings_of_history(count(replace(shop.history, outcomes=cut), SCOPE))
    assert [finding.gate for finding in found] == [Gate.LABELS, Gate.LABELS]
    assert "0 per decision in the latest week" in found[0].reason and "is tracking broken?" in found[0].reason


def test_a_week_with_hardly_any_decisions_stops_training(shop: World) -> None:
    """When a tenth of a letter was imported, that is said of each placement."""
    decisions = shop.history.decisions.to_pandas()
    lost = (decisions["decided_at"] == decisions["decided_at"].max()) & (decisions["recipient_id"] > "r00060")
    cut = pa.Table.from_pandas(decisions[~lost], schema=DECISIONS, preserve_index=False)
    found = findings_of_history(count(History(cut), SCOPE))
    assert [finding.gate for finding in found] == [Gate.VOLUME, Gate.VOLUME]


def test_rows_that_contradict_themselves_stop_training(shop: World) -> None:
    """Decisions that are there twice, outcomes that belong to none, and events dated after they were received."""
    decisions = pa.concat_tables([shop.history.decisions, shop.history.decisions.slice(0, 500)])
    strays = shop.history.outcomes.to_pandas().assign(decision_id=lambda frame: "x" + frame["decision_id"])
    events = shop.history.events.to_pandas().assign(occurred_at=lambda frame: frame["received_at"] + pd.Timedelta(days=3))
    broken = History(
        decisions,
        pa.Table.from_pandas(strays, schema=OUTCOMES, preserve_index=False),
        pa.Table.from_pandas(events, schema=EVENTS, preserve_index=False),
    )
    reasons = [finding.reason for finding in findings_of_history(count(broken, SCOPE)) if finding.gate is Gate.CONTRADICTIONS]
    assert [reason.split(" rows of ")[1] for reason in reasons] == [
        "decisions are there twice",
        "outcomes belong to no decision",
        "events are dated after they were received",
    ]


def test_letters_that_are_too_few_to_compare_with_stop_nothing() -> None:
    """Two earlier weeks, weeks of a handful of letters, or rates of too few clicks: no verdict."""
    assert gates(Counts(weeks(10, 1_000, 1_000), (), ())) == []
    assert gates(Counts(weeks(1, 20, 20, 20), (), ())) == []
    quiet = (replace(weeks(100)[0], labels=0.0), *weeks(100, 100, 100, 100)[1:])
    assert gates(Counts(quiet, (), ())) == []


def test_months_without_a_letter_are_no_weeks() -> None:
    """A placement that nobody wrote to lately is not judged by its last letter of long ago."""
    assert gates(Counts(tuple(replace(week, week=week.week + 3) for week in weeks(10, 1_000, 1_000, 1_000)), (), ())) == []


@pytest.mark.parametrize(("rate", "stopped"), [(0.02, True), (0.05, False), (0.3, False), (0.6, True)])
def test_rates_may_triple_but_not_vanish_or_explode(rate: float, stopped: bool) -> None:
    """A first model may well triple clicks; a fifth of them, or six times as many, is something else."""
    latest = replace(weeks(1_000)[0], labels=rate * 1_000)
    assert (gates(Counts((latest, *weeks(1_000, 1_000, 1_000, 1_000)[1:]), (), ())) == [Gate.LABELS]) is stopped


def test_propensities_that_went_missing_stop_training() -> None:
    """A week whose decisions were imported without them."""
    assert gates(Counts(weeks(1_000, 1_000, 1_000, 1_000, lacking=300), (), ())) == [Gate.UNKNOWN]


def test_a_feed_that_runs_dry_is_noted_and_stops_nothing() -> None:
    """What a model misses of it will have drifted, and that is judged by what it goes by."""
    [found] = findings_of_history(Counts((), (Flow("events", (5, 900, 1_000, 1_100)), Flow("purchases", (5, 9, 9, 9))), ()))
    assert (found.gate, found.stops) == (Gate.VOLUME, False)


def test_a_few_contradictions_are_put_up_with() -> None:
    """One row in a hundred is noise of the world; more is a fault."""
    found = [Contradiction("decisions", "are there twice", rows, 10_000) for rows in (100, 101)]
    assert len(findings_of_history(Counts((), (), tuple(found)))) == 1


def drift(feature: str, psi: float, unknown_now: float = 0.0) -> Drift:
    """A feature's drift; nothing was unknown when it was fitted."""
    return Drift(feature, psi, level_of(psi), 0.0, unknown_now)


IMPORTANCES = {"variant": 0.2, "attribute.age": 0.3, "category_interest": 0.4, "session_local_hour": 0.1}


def test_drift_stops_only_where_most_of_what_the_incumbent_goes_by_has_drifted() -> None:
    """Columns of categories count for their feature by their share; what tells the hour of a letter does not count."""
    half = [drift("category_interest.hats", 0.9), drift("category_interest.socks", 0.0)]
    assert drifted_share([*half, drift("attribute.age", 0.3)], IMPORTANCES) == pytest.approx(0.5)
    assert findings_of_features([*half, drift("attribute.age", 0.3), drift("session_local_hour", 9.0)], IMPORTANCES) == ()
    [found] = findings_of_features([drift("category_interest.hats", 0.9), drift("attribute.age", 0.3)], IMPORTANCES)
    assert found == Finding(Gate.DRIFT, "70% of what the incumbent goes by has drifted, above all category_interest.hats, attribute.age")


def test_a_column_that_lost_its_values_stops_training() -> None:
    """A fifth more unknown than when the incumbent was fitted."""
    [found] = findings_of_features([drift("attribute.age", 0.0, 0.3), drift("recency_score", 0.0, 0.15)], IMPORTANCES)
    assert found == Finding(Gate.UNKNOWN, "attribute.age is unknown of 30%, where it was of 0%")


def test_attributes_that_are_gone_stop_training() -> None:
    """Texts are printed and never used, so that they may go."""
    known = {"age": AttributeKind.NUMERIC, "note": AttributeKind.TEXT, "tier": AttributeKind.CATEGORICAL}
    assert [finding.reason for finding in lost_attributes(known, {"tier"})] == ["recipients have no attribute 'age' any more"]


def test_only_those_written_to_lately_are_looked_at(shop: World) -> None:
    """Of the whole list, whoever had a decision within the span."""
    assert len(written_to(shop.history, NOW, timedelta(days=35))) == 600
    assert written_to(shop.history, NOW, timedelta(days=1)) == []
