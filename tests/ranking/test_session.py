"""Session context: local times that are right, and unknown where nobody can tell."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.features.session import WEEKDAYS, local_times

ZONES = ("UTC", "Europe/Vienna", "America/St_Johns", "Asia/Kathmandu", "Pacific/Kiritimati", "Australia/Lord_Howe")
NO_ZONES = (None, np.nan, "", " ", "None", "nan", "Mars/Olympus", "Europe", "../UTC", "/etc/localtime", "zone.tab", "UTC\0", "x" * 5_000)


@given(
    st.lists(
        st.tuples(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)), st.sampled_from(ZONES)),  # noqa: DTZ001
        min_size=1,
        max_size=20,
    )
)
def test_hour_and_weekday_are_those_of_the_wall_clock(rows: list[tuple[datetime, str]]) -> None:
    """Whatever the instant and the zone, daylight saving and half hours included."""
    as_of, zones = pd.Series([at for at, _ in rows], dtype="datetime64[us, UTC]"), pd.Series([zone for _, zone in rows])
    hour, weekday = local_times(as_of, zones)
    local = [at.astimezone(ZoneInfo(zone)) for at, zone in rows]
    np.testing.assert_allclose(hour, [at.hour + at.minute / 60 for at in local], rtol=1e-6)
    assert [WEEKDAYS[int(code)] for code in weekday] == [f"{at:%A}".lower() for at in local]


@pytest.mark.parametrize("zone", NO_ZONES)
def test_a_zone_that_does_not_exist_is_unknown(zone: object) -> None:
    """Missing, misspelt or mischievous: no hour and no weekday, and no error; the rows beside it are as they were."""
    as_of = pd.Series(pd.to_datetime(["2026-11-23T09:30:00Z"] * 2))
    hour, weekday = local_times(as_of, pd.Series([zone, "Europe/Vienna"], dtype=object))
    assert np.isnan([hour[0], weekday[0]]).all()
    assert (hour[1], weekday[1]) == (10.5, 0)


def test_nobody_has_no_local_time() -> None:
    """An empty shard is no error."""
    hour, weekday = local_times(pd.Series([], dtype="datetime64[us, UTC]"), pd.Series([], dtype="str"))
    assert len(hour) == len(weekday) == 0
