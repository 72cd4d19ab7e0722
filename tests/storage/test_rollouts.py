"""Rollouts: one at a time, steps taken once, looks kept."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.audit import AuditEntry, Deed
from domain.ids import CampaignId, ModelVersion, SendId
from domain.rollout import Look, Rollout, RolloutState, Verdict
from storage.audit import Audit
from storage.database import Database
from storage.rollouts import Rollouts

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
WEEKLY = CampaignId("weekly")
FIRST = Rollout(
    WEEKLY, ModelVersion("new"), ModelVersion("old"), "weekly:new", RolloutState.SHADOW, None, AT, AT, stages=(0.1, 1.0), control=0.1
)
BEGAN = AuditEntry(AT, "letterpress", Deed.ROLLOUT_BEGAN, None)
LATER = AT + timedelta(days=1)


def look(rollout: Rollout, verdict: Verdict = Verdict.ADVANCE, at: datetime = LATER) -> Look:
    """A look at it."""
    figures = {"clicks": {"difference": -0.01, "said": "fewer"}}
    return Look(
        WEEKLY,
        rollout.candidate,
        at,
        verdict,
        ("nothing",),
        figures=figures,
        state=rollout.state,
        stage=rollout.stage,
        sends=(SendId("s1"),),
    )


@pytest.fixture
def rollouts(database: Database) -> Rollouts:
    """With one that has begun."""
    found = Rollouts(database)
    assert found.begin(FIRST, BEGAN)
    return found


def test_what_is_kept_is_what_comes_back(rollouts: Rollouts) -> None:
    """Stages, control, instants and missing stage included."""
    assert rollouts.current(WEEKLY) == rollouts.get(WEEKLY, FIRST.candidate) == FIRST
    assert rollouts.list() == [FIRST] and rollouts.current(CampaignId("other")) is None


def test_a_campaign_has_one_rollout_at_a_time(rollouts: Rollouts) -> None:
    """Another one begins when it has ended; one of the same candidate never again, and what is refused leaves no trace."""
    second = replace(FIRST, candidate=ModelVersion("newer"), began_at=LATER)
    assert not rollouts.begin(second, BEGAN)
    ended = replace(FIRST, state=RolloutState.ROLLED_BACK, reason="harm")
    assert rollouts.step(FIRST, ended, look(FIRST, Verdict.ROLL_BACK), BEGAN)
    assert rollouts.current(WEEKLY) is None and not rollouts.begin(FIRST, BEGAN)
    assert rollouts.begin(second, BEGAN) and rollouts.current(WEEKLY) == second


def test_a_step_is_taken_once(rollouts: Rollouts, database: Database) -> None:
    """Look, step and audit entry go together; whoever looked at an older stand changes nothing."""
    stepped = replace(FIRST, state=RolloutState.RAMPING, stage=0, stage_since=LATER, settled=False)
    entry = AuditEntry(LATER, "letterpress", Deed.ROLLOUT_ADVANCED, None)
    assert rollouts.step(FIRST, stepped, look(FIRST), entry)
    assert not rollouts.step(FIRST, stepped, look(FIRST), entry)
    assert rollouts.current(WEEKLY) == stepped and rollouts.looks(FIRST) == [look(FIRST)]
    assert [one.what for one in Audit(database).of()] == [Deed.ROLLOUT_BEGAN, Deed.ROLLOUT_ADVANCED]
    rollouts.settle(stepped)
    assert rollouts.current(WEEKLY) == replace(stepped, settled=True)


def test_the_same_look_is_kept_once(rollouts: Rollouts) -> None:
    """What is seen again is no news, whenever it is; another verdict, other reasons or other sends are."""
    first = look(FIRST, Verdict.HOLD)
    assert rollouts.record(first) and not rollouts.record(replace(first, at=LATER + timedelta(hours=1)))
    assert rollouts.record(replace(first, reasons=("too few",))) and rollouts.record(replace(first, sends=(SendId("s1"), SendId("s2"))))
    assert len(rollouts.looks(FIRST)) == 3


def test_the_share_leaves_the_control_out_and_ends_with_the_rollout() -> None:
    """Nothing in the shadow, the stage's share, all but the control at the last one, nothing once it is over."""
    shares = [
        replace(FIRST, state=state, stage=stage).share
        for state, stage in (
            (RolloutState.SHADOW, None),
            (RolloutState.RAMPING, 0),
            (RolloutState.HELD, 0),
            (RolloutState.WATCHING, 1),
            (RolloutState.PROMOTED, 1),
        )
    ]
    assert shares == [0.0, 0.1, 0.1, 0.9, 0.0]
