"""Quiet hours: local times between which nobody is written to."""

from collections.abc import Iterable
from datetime import datetime, tzinfo

import pandas as pd

from domain.departure import QuietHours
from domain.time_zone import zone_of


def is_quiet(hours: QuietHours, zone: tzinfo, at: datetime) -> bool:
    """Whether the instant falls into quiet hours on clocks of the zone; the wall clock decides, also in an hour that is repeated."""
    return hours.cover(at.astimezone(zone).time())


def quiet_zones(hours: QuietHours, time_zones: Iterable[str], at: datetime) -> frozenset[str]:
    """The zones, out of those named, in which it is quiet at the instant."""
    return frozenset(name for name in time_zones if is_quiet(hours, zone_of(name), at))


def in_quiet_hours(time_zones: "pd.Series[str]", hours: QuietHours | None, at: datetime) -> "pd.Series[bool]":
    """Which recipients it is quiet for: aligned with `time_zones`; one look at the clock per distinct zone."""
    if hours is None:
        return pd.Series(data=False, index=time_zones.index)
    named = time_zones.fillna("UTC")
    return named.isin(quiet_zones(hours, named.unique(), at))
