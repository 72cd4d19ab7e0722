"""The benchmark `interrupted` kills where it says, sees what it compares, and counts what differs."""

import os
import signal
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from benchmarks.interrupted import Tried, figures_of, told
from benchmarks.interrupting.acts import STORY
from benchmarks.interrupting.kept import digests
from benchmarks.interrupting.steps import Steps
from benchmarks.own_process import FailedMeasurementError
from runtime.house import House, open_house
from runtime.settings import Settings
from storage.schema import attributes

AT = pd.Timestamp("2026-11-23 09:00", tz="UTC")


def _writes(house: House) -> None:
    """Three steps that last: a commit, a file, a commit."""
    row = {"kind": "text", "declared_at": AT.to_pydatetime()}
    with house.database.begin() as connection:
        connection.execute(sa.insert(attributes), {"name": "first", **row})
    house.lake.put_bytes("second", b"2")
    with house.database.begin() as connection:
        connection.execute(sa.insert(attributes), {"name": "third", **row})


@pytest.mark.parametrize(("deadly", "kept"), [(0, 3), (1, 0), (2, 1), (3, 2)])
def test_it_is_killed_right_before_a_step(tmp_path: Path, deadly: int, kept: int) -> None:
    """With SIGKILL, before the step lasts and after all those before it have; never, where none is named."""
    settings = Settings(home=tmp_path, redis_url="redis://127.0.0.1:1")
    open_house(settings).database.dispose()
    if not (pid := os.fork()):
        try:
            house, steps = open_house(settings), Steps(deadly)
            steps.watch()
            _writes(house)
            os._exit(steps.done)
        finally:
            os._exit(99)  # whatever went wrong: there is one process of these tests, not two
    ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    house = open_house(settings)
    with house.database.connect() as connection:
        names = set(connection.scalars(sa.select(attributes.c.name)))
    names |= {"second"} & {path.name for path in (tmp_path / "var" / "lake").glob("*")}
    house.database.dispose()
    assert ended == (-signal.SIGKILL if deadly else 3)
    assert len(names) == kept


def test_whatever_is_kept_is_compared(tmp_path: Path, redis_url: str) -> None:
    """A row, a file, and a published decision each change what the house is compared by; looking changes nothing."""
    house = open_house(Settings(home=tmp_path, redis_url=redis_url))
    before = digests(house)
    assert digests(house) == before
    _writes(house)
    after = digests(house)
    house.decisions.publish([("r", "weekly.p", ("v",), "s")], pd.Timedelta(days=1).to_pytimedelta(), AT.to_pydatetime())  # type: ignore[list-item]
    last = digests(house)
    assert {name for name in after if after[name] != before.get(name)} == {"table attributes", "file second"}
    assert {name for name in last if last[name] != after[name]} == {"published"}
    house.database.dispose()


def test_what_differs_is_counted() -> None:
    """By flow and step; a flow that changes something when it is repeated counts apart. No kill at all is a failed measurement."""
    found = figures_of({"one": Tried(2, 2, {1: ["table events"]}), "two": Tried(1, 1, {0: ["file a", "file b"]})})
    assert (found["kills"], found["same"], found["flows"], found["repeated_same"]) == (3, 2, 2, 1)
    assert found["differs"] == {"one": "step 1: table events", "two": "step 0: file a, file b"}
    with pytest.raises(FailedMeasurementError):
        figures_of({"one": Tried()})


def test_every_flow_that_writes_is_in_the_story() -> None:
    """Those of prefect.yaml, but for these: sends on their way are what `faults` is about, refreshes what
    tests/journeys/test_killed_refreshes, publishing what tests/flows/test_chosen_is_published; and three write nothing but notices."""
    root = Path(__file__).parents[2]
    there = {line.split(".")[-1] for line in (root / "prefect.yaml").read_text().splitlines() if "entrypoint:" in line}
    told_of = (root / "benchmarks" / "interrupting" / "acts.py").read_text()
    elsewhere = {"resume_send", "continue_sends", "reconcile_sends", "refresh_placements", "publish_content", "withdraw_content"}
    elsewhere |= {"report_lift", "watch_diversity", "watch_serving"}
    assert {flow for flow in there - elsewhere if f"import {flow}" not in told_of} == set()


@pytest.mark.journey
def test_a_flow_killed_anywhere_ends_the_same(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The short version: a shop, a send, its clicks; joining them to decisions is killed before each step and run again."""
    folder = tmp_path_factory.mktemp("i")
    tried = dict(told(folder, recipients=300, only=("attribute outcomes",)))
    assert tried["attribute outcomes"].kills >= 2
    assert tried["attribute outcomes"].differs == {}
    assert {act.name for act in STORY if act.flow} > tried.keys()
