"""When clocks show a time, changes of clocks included."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.departures.local_time import Hours, after_quiet, first_showing
from domain.departure import QuietHours

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Pacific/Chatham",
    "Asia/Beirut",
]
MINUTE = timedelta(minutes=1)


def utc(text: str) -> datetime:
    """An instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("clock", "zone", "since", "expected"),
    [
        ("09:00", "Europe/Berlin", "2026-11-23T06:00", "2026-11-23T08:00"),
        ("09:00", "Europe/Berlin", "2026-11-23T08:00", "2026-11-23T08:00"),  # it shows it right now
        ("09:00", "Europe/Berlin", "2026-11-23T08:01", "2026-11-24T08:00"),  # a minute late is a day late
        ("09:00", "Asia/Tokyo", "2026-11-23T06:00", "2026-11-24T00:00"),
        ("09:00", "Pacific/Kiritimati", "2026-11-23T06:00", "2026-11-23T19:00"),
        ("02:30", "Europe/Berlin", "2027-03-27T12:00", "2027-03-28T01:00"),  # a gap: at the moment the clocks go forward past it
        ("02:30", "Europe/Berlin", "2026-10-24T12:00", "2026-10-25T00:30"),  # a fold: the first of the two
        ("02:30", "Europe/Berlin", "2026-10-25T00:31", "2026-10-25T01:30"),  # the second, when the first is over
        ("00:30", "Asia/Beirut", "2026-03-28T12:00", "2026-03-28T22:00"),  # clocks go forward at midnight
        ("02:15", "Australia/Lord_Howe", "2026-10-03T12:00", "2026-10-03T15:30"),  # by half an hour
        ("09:00", "Pacific/Apia", "2011-12-30T00:00", "2011-12-30T19:00"),  # a day that did not exist
    ],
)
def test_the_first_instant_at_which_clocks_show_a_time(clock: str, zone: str, since: str, expected: str) -> None:
    """By hand, from what those zones did."""
    assert first_showing(time.fromisoformat(clock), ZoneInfo(zone), utc(since)) == utc(expected)


@given(
    st.sampled_from(ZONES),
    st.sampled_from(["2026-03-07", "2026-03-28", "2026-10-03", "2026-10-24", "2026-10-31", "2018-11-03", "2026-06-10"]),
    st.integers(0, 24 * 60 - 1),
    st.integers(0, 24 * 60 - 1),
)
def test_it_is_what_looking_at_the_clock_every_minute_finds(zone: str, day: str, start: int, minute: int) -> None:
    """The first minute at which the clock shows the time, or has been put forward past it on the same date."""
    since, clock, here = utc(f"{day}T00:00") + start * MINUTE, time(minute // 60, minute % 60), ZoneInfo(zone)
    at = since
    while not shows(at.astimezone(here), (at - MINUTE).astimezone(here), clock):
        at += MINUTE
    assert first_showing(clock, here, since) == at


def shows(local: datetime, before: datetime, clock: time) -> bool:
    """Whether a clock shows the time, or jumped over it in the last minute."""
    if (local.hour, local.minute) == (clock.hour, clock.minute):
        return True
    jumped = local.replace(tzinfo=None) - before.replace(tzinfo=None) > MINUTE
    earlier = before.time().replace(tzinfo=None) if before.date() == local.date() else time()
    return jumped and earlier <= clock < local.time().replace(tzinfo=None)


QUIET = QuietHours(time(21), time(7))


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-23T12:00", "2026-11-23T12:00"),
        ("2026-11-23T20:00", "2026-11-24T06:00"),  # 21:00 in Berlin
        ("2026-11-24T05:59", "2026-11-24T06:00"),
        ("2026-11-24T06:00", "2026-11-24T06:00"),
    ],
)
def test_quiet_hours_are_waited_for(at: str, expected: str) -> None:
    """A letter that would leave in quiet hours leaves when they end."""
    assert after_quiet(QUIET, ZoneInfo("Europe/Berlin"), utc(at)) == utc(expected)


@given(st.sampled_from(ZONES), st.times(), st.times(), st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis adds the zone
def test_nothing_leaves_early_or_in_quiet_hours(zone: str, start: time, end: time, now: datetime) -> None:
    """Whatever the quiet hours are, what leaves does so when it is due and not in them, if a change of clocks does not begin them anew."""
    quiet = QuietHours(start.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0))
    at = Hours(now, None, quiet).leaves_at(zone, now)
    assert at >= now
    assert not quiet.cover(at.astimezone(ZoneInfo(zone)).time())


def test_a_letter_is_due_when_its_readers_clock_shows_the_time() -> None:
    """Nine in the morning comes to Tokyo before Berlin before New York; without a local time all are due at once."""
    scheduled = utc("2026-11-22T22:00")
    hours = Hours(scheduled, time(9))
    assert [hours.due_at(zone) for zone in ("Asia/Tokyo", "Europe/Berlin", "America/New_York")] == [
        utc("2026-11-23T00:00"),
        utc("2026-11-23T08:00"),
        utc("2026-11-23T14:00"),
    ]
    assert hours.leaves_at("Asia/Tokyo", utc("2026-11-23T05:00")) == utc("2026-11-23T05:00")
    assert Hours(scheduled).due_at("Asia/Tokyo") == scheduled
    assert hours.due_at("no/such zone") == utc("2026-11-23T09:00")
