"""The benchmark `signals` tells a real server what people search for, kills a consumer, and waits for changed decisions."""

import pytest

from benchmarks.signalling.visitors import calls_of
from benchmarks.signals import Plan, measured


def test_everybody_searches_once() -> None:
    """So that a changed decision is that search's; the others only look around, and every call has a name of its own."""
    calls = [call for batch in calls_of(["a", "b", "c"], ["x", "y"], 6, every=2, batch=4) for call in batch]
    assert [call["userId"] for call in calls if call["event"] == "Products Searched"] == ["a", "b", "c"]
    assert {call["userId"] for call in calls if call["event"] != "Products Searched"} <= {"x", "y"}
    assert len({call["messageId"] for call in calls}) == 6


@pytest.mark.journey
def test_nothing_is_lost() -> None:
    """A few seconds of it, with the kill: every search changed what was decided, and every signal was finished."""
    figures = measured(Plan(recipients=2_500, seconds=4, per_second=100)).figures
    assert (figures["lost"], figures["left"], figures["refused"], figures["set_aside"]) == (0, 0, 0, 0)
    assert 0 < float(str(figures["median_s"])) <= float(str(figures["p99_s"]))
