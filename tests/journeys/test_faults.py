"""The benchmark `faults` in small: sends to ESPs that misbehave, killed and resumed, by one process and by two."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.faulting.commands import Forks
from benchmarks.faults import REMEMBERING, Plan, measured
from tests.journeys import desk

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def commands(forks: desk.Forks) -> Iterator[Forks]:
    """What the benchmark starts its commands with; they use the journeys' Prefect server."""
    with Forks(forks.prefect) as commands:
        commands.await_ready()
        yield commands


@pytest.mark.parametrize(
    ("database", "provider"), [("sqlite", "sendgrid"), pytest.param("postgresql", "resend", marks=pytest.mark.postgres)]
)
def test_killed_sends_reach_nobody_twice_and_lose_nobody(tmp_path: Path, commands: Forks, database: str, provider: str) -> None:
    """Killed in the middle and resumed, alone and in company: no duplicates, nobody lost unlisted, every account adds up; and where
    the ESP remembers calls, nobody is unknown either."""
    plan = Plan(100, runs=2, two_workers=1, providers=(provider,), databases=(database,), each=0.3, shards=2)
    figures = measured(plan, tmp_path, commands).figures
    found = figures[database][provider]  # type: ignore[index,call-overload]
    assert (found["runs"], found["two_workers"]) == (2, 1) and found["kills"] >= 2
    assert (found["duplicates"], found["lost_unlisted"], found["counts_add_up"]) == (0, 0, 2)
    assert found["unknown"] == 0 or provider not in REMEMBERING
