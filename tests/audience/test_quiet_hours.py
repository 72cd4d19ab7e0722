"""Quiet hours on the recipient's own clock."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audience.quiet_hours import in_quiet_hours, is_quiet, zone_of
from domain.departure import QuietHours

NIGHT = QuietHours(time(21), time(7))
NOON = QuietHours(time(12), time(13, 30))
BERLIN = ZoneInfo("Europe/Berlin")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "at", "quiet"),
    [
        (NIGHT, "2026-11-23T20:00", True),  # 21:00 in Berlin: the start is quiet
        (NIGHT, "2026-11-23T19:59", False),
        (NIGHT, "2026-11-23T23:30", True),  # past midnight there
        (NIGHT, "2026-11-23T05:59", True),
        (NIGHT, "2026-11-23T06:00", False),  # 07:00: the end is not
        (NOON, "2026-11-23T11:00", True),
        (NOON, "2026-11-23T12:30", False),
        (NIGHT, "2026-07-01T19:00", True),  # 21:00 in summer
        (NIGHT, "2026-07-01T18:59", False),
        (QuietHours(time(2), time(3)), "2026-03-29T00:59", False),  # 01:59, then clocks jump to 03:00
        (QuietHours(time(2), time(3)), "2026-03-29T01:00", False),  # 03:00: the quiet hour did not happen
        (QuietHours(time(2), time(3)), "2026-10-25T00:30", True),  # 02:30 for the first time
        (QuietHours(time(2), time(3)), "2026-10-25T01:30", True),  # 02:30 once more
        (QuietHours(time(9), time(9)), "2026-11-23T08:00", False),
    ],
)
def test_berlin(hours: QuietHours, at: str, quiet: bool) -> None:
    """The wall clock of the recipient's zone decides: start included, end excluded, over midnight and changes of clocks."""
    assert is_quiet(hours, BERLIN, utc(at)) == quiet


@settings(deadline=None)
@given(
    at=st.integers(0, 2**31).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    start=st.times(),
    end=st.times(),
)
def test_quiet_or_its_complement(at: datetime, start: time, end: time) -> None:
    """For different ends, an instant is in the quiet hours or in those that start at their end, never in both."""
    there, back = is_quiet(QuietHours(start, end), BERLIN, at), is_quiet(QuietHours(end, start), BERLIN, at)
    assert there != back or start == end


def test_each_in_their_zone() -> None:
    """Recipients are judged by their own zones; a missing or unknown one counts as UTC."""
    zones = pd.Series(["Europe/Berlin", "America/New_York", None, "Mars/Olympus", "Asia/Tokyo"])
    assert in_quiet_hours(zones, NIGHT, utc("2026-11-23T20:30")).tolist() == [True, False, False, False, True]


def test_no_quiet_hours() -> None:
    """Without quiet hours it is never quiet."""
    assert not in_quiet_hours(pd.Series(["UTC"]), None, utc("2026-11-23T03:00")).any()


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "/etc/localtime", "Europe", "Nowhere/Land", "a\x00b"])
def test_names_that_are_no_zone(name: str) -> None:
    """A name that is no IANA zone, whatever it looks like, counts as UTC."""
    assert zone_of(name) is UTC
