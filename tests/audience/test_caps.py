"""Frequency caps."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audience.caps import capped, earliest_window
from domain.campaign import Cap

AS_OF = datetime(2026, 11, 23, 9, tzinfo=UTC)


def is_capped(handed_off: list[datetime], *caps: Cap) -> bool:
    frame = pd.DataFrame(
        {"recipient_id": pd.array(["r1"] * len(handed_off), dtype="str"), "answered_at": pd.to_datetime(handed_off, utc=True)}
    )
    return bool(capped(pd.Series(["r1"]), frame, caps, AS_OF).iloc[0])


@pytest.mark.parametrize(
    ("handed_off", "caps", "expected"),
    [
        ([], (Cap(1, 7),), False),
        ([AS_OF - timedelta(days=3)], (Cap(1, 7),), True),
        ([AS_OF - timedelta(days=3)], (Cap(2, 7),), False),
        ([AS_OF - timedelta(days=3), AS_OF - timedelta(days=6)], (Cap(2, 7),), True),
        ([AS_OF - timedelta(days=7)], (Cap(1, 7),), False),
        ([AS_OF - timedelta(days=6, hours=9)], (Cap(1, 7),), True),
        ([AS_OF - timedelta(days=20), AS_OF - timedelta(days=10)], (Cap(1, 7), Cap(2, 30)), True),
        ([AS_OF - timedelta(hours=1)], (), False),
        ([AS_OF + timedelta(minutes=5)], (Cap(1, 7),), False),
    ],
)
def test_caps(handed_off: list[datetime], caps: tuple[Cap, ...], expected: bool) -> None:
    """Whoever got a cap's number of messages within its whole days up to as_of gets no more; any cap suffices."""
    assert is_capped(handed_off, *caps) == expected


def test_a_weekly_send_passes_a_weekly_cap() -> None:
    """Last week's letter, answered minutes after its instant, does not count into this week's window."""
    assert not is_capped([AS_OF - timedelta(days=7) + timedelta(minutes=40)], Cap(1, 7))


@settings(deadline=None)
@given(days=st.lists(st.integers(0, 40), max_size=12), messages=st.integers(1, 5), per_days=st.integers(1, 31))
def test_counts_whole_days(days: list[int], messages: int, per_days: int) -> None:
    """A cap counts the hand-offs of its last `per_days` UTC days, today included."""
    expected = sum(day < per_days for day in days) >= messages
    assert is_capped([AS_OF - timedelta(days=day) for day in days], Cap(messages, per_days)) == expected


def test_each_their_own() -> None:
    """One recipient's letters do not count against another; the answer is aligned with the question."""
    frame = pd.DataFrame({"recipient_id": ["r2", "r2"], "answered_at": AS_OF})
    ids = pd.Series(["r1", "r2"], index=[7, 3])
    assert capped(ids, frame, (Cap(2, 1),), AS_OF).to_dict() == {7: False, 3: True}


def test_how_far_back_to_look() -> None:
    """The longest cap says from when on hand-offs must be known."""
    assert earliest_window((Cap(1, 7), Cap(4, 30)), AS_OF) == datetime(2026, 10, 25, tzinfo=UTC)
    assert earliest_window((), AS_OF) is None


def test_nobody_was_written_to() -> None:
    """No hand-offs at all, in a frame that does not even know its types, cap nobody."""
    assert not capped(pd.Series(["r1"]), pd.DataFrame((), columns=["recipient_id", "answered_at"]), (Cap(1, 7),), AS_OF).any()


def test_instants_as_the_ledger_gives_them() -> None:
    """Hand-offs may come as rows of ids and aware instants of any zone."""
    rows = [("r1", AS_OF.astimezone(ZoneInfo("Asia/Tokyo")))]
    assert capped(pd.Series(["r1", "r2"]), pd.DataFrame(rows, columns=["recipient_id", "answered_at"]), (Cap(1, 1),), AS_OF).tolist() == [
        True,
        False,
    ]
