"""Sliding windows over the times of events."""

from hypothesis import given
from hypothesis import strategies as st

from delivery.machines.windows import most_distinct


@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from("abcd")), max_size=30), st.integers(0, 15))
def test_each_event_knows_the_fullest_window_it_is_part_of(events: list[tuple[int, str]], span: int) -> None:
    """The same as trying every window of that length that begins at an event."""
    ordered = sorted(events)
    times, keys = [float(at) for at, _ in ordered], [key for _, key in ordered]

    def fullest(k: int) -> int:
        windows = [(at, at + span) for at in times if at <= times[k] <= at + span]
        return max(len({key for at, key in zip(times, keys, strict=True) if low <= at <= high}) for low, high in windows)

    assert most_distinct(times, keys, float(span)) == [fullest(k) for k in range(len(times))]
