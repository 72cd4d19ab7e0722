"""How fast placements are answered is watched: told to whoever asks, and an alarm when it gets too slow."""

import asyncio
import logging
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.serving_figures import ServingFigures
from tests.web.serving import AT, Gone, Time
from web.latency_watch import LatencyWatch
from web.placement_figures import BOUNDS_MS, PlacementFigures, percentile


def answered(figures: PlacementFigures, count: int, ms: float) -> None:
    """So many answers, of so many milliseconds."""
    for _ in range(count):
        figures.answered(200, ms / 1_000, time.perf_counter())


def watch(figures: PlacementFigures, told_to: object) -> LatencyWatch:
    """A watch that allows five milliseconds."""
    return LatencyWatch(figures, told_to, 5.0, Time())  # type: ignore[arg-type]


def test_slowness_is_told_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    """A warning when the 99th percentile passes what is allowed, another when it is well below it again; too few requests say nothing."""
    figures = PlacementFigures()
    looking = watch(figures, Gone())
    with caplog.at_level(logging.WARNING):
        answered(figures, 999, 20.0)
        asyncio.run(looking.look())
        assert not caplog.records
        answered(figures, 1, 20.0)
        for _ in range(3):
            asyncio.run(looking.look())
        assert [record.message[:20] for record in caplog.records] == ["placements are slow:"]
        answered(figures, 200_000, 0.3)
        asyncio.run(looking.look())
    assert caplog.records[-1].message.startswith("placements are fast again")


def test_what_is_seen_is_told(redis_url: str) -> None:
    """The slowest process that had enough requests is found by who reads; nothing is told before anybody asked for anything."""
    told = ServingFigures(redis_url)
    assert told.worst() is None
    figures = PlacementFigures()
    looking = watch(figures, told)
    assert asyncio.run(looking.look()) is None
    answered(figures, 2_000, 7.0)
    asyncio.run(looking.look())
    worst = told.worst()
    assert worst
    assert (worst.requests, worst.at) == (2_000, AT)
    assert 5.0 < worst.p99_ms <= 7.5
    assert told.all() == [worst]


def test_the_window_moves_on() -> None:
    """Five minutes later nothing is left of a slow minute; the totals stay."""
    figures = PlacementFigures()
    began = time.perf_counter()
    figures.answered(200, 0.02, began)
    assert sum(figures.lately(began + 200)) == 1
    assert sum(figures.lately(began + 520)) == 0
    assert sum(figures.counts) == 1


@given(st.lists(st.floats(0.01, 900), min_size=1, max_size=300), st.floats(0.01, 1.0))
def test_percentiles_are_within_their_bucket(times: list[float], share: float) -> None:
    """No more than a bucket away from the observation of that rank."""
    figures = PlacementFigures()
    for ms in times:
        figures.answered(200, ms / 1_000, 0.0)
    found = percentile(figures.counts, share)
    assert found is not None
    rank = sorted(times)[max(0, min(len(times) - 1, int(-(-share * len(times) // 1)) - 1))]
    low = max((bound for bound in (0.0, *BOUNDS_MS) if bound < rank), default=0.0)
    high = min((bound for bound in BOUNDS_MS if bound >= rank), default=BOUNDS_MS[-1])
    assert low - 1e-6 <= found * 1_000 <= high + 1e-6
