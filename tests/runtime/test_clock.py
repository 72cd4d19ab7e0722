"""The time of day."""

from datetime import UTC, datetime, timedelta

from runtime import clock
from simulator.clock import SteeredClock


def test_a_clock_of_ones_own_goes_for_the_whole_process_and_only_within() -> None:
    """Waiting on it passes no real time."""
    at = datetime(2026, 11, 23, 9, tzinfo=UTC)
    before = clock.now()
    with clock.running_on(SteeredClock(at)):
        assert clock.now() == at
        clock.sleep(3_600)
        assert clock.now() == at + timedelta(hours=1)
    assert clock.now() - before < timedelta(minutes=10) and clock.now().tzinfo is UTC
