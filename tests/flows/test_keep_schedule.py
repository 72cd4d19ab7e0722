"""The schedule of prefect.yaml, kept in this process."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.keep_schedule import Deployment, scheduled

FILE = Path(__file__).parents[2] / "prefect.yaml"
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture(scope="module")
def deployments() -> dict[str, Deployment]:
    """By name."""
    return {one.name: one for one in scheduled(FILE)}


def test_every_deployment_with_a_schedule_is_a_flow_with_its_parameters(deployments: dict[str, Deployment]) -> None:
    """As prefect.yaml has them; what is started by hand alone is not among them."""
    assert {"weekly", "retrain", "rollouts", "attribute"} <= set(deployments) and "resume" not in deployments
    assert deployments["weekly"].parameters == {"campaign": "weekly"}
    assert deployments["rollouts"].flow.name == "advance-rollout"


def test_an_instant_is_due_once_by_the_time_zone_of_its_schedule(deployments: dict[str, Deployment]) -> None:
    """Tuesday at nine in Berlin is eight o'clock UTC in winter and seven in summer; it is due in the span that ends with it."""
    weekly, winter = deployments["weekly"], datetime(2026, 11, 24, 8, tzinfo=UTC)
    assert weekly.due(winter - timedelta(hours=6), winter) == winter
    assert weekly.due(winter, winter + timedelta(days=6)) is None
    summer = datetime(2026, 6, 30, 7, tzinfo=UTC)
    assert weekly.due(summer - timedelta(hours=6), summer + timedelta(hours=6)) == summer


def test_missed_runs_are_not_caught_up_with(deployments: dict[str, Deployment]) -> None:
    """Of all instants of a day the last is due."""
    assert deployments["attribute"].due(MONDAY, MONDAY + timedelta(days=1)) == MONDAY + timedelta(hours=23, minutes=15)
