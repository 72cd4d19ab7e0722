"""Quiet hours: local times between which nobody is written to."""

from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import pandas as pd

from domain.campaign import QuietHours


def is_quiet(hours: QuietHours, zone: tzinfo, at: datetime) -> bool:
    """Whether the instant falls into quiet hours on clocks of the zone: from `start` on, before `end`.

    The wall clock decides, also in the hour that a change of clocks repeats. Hours that start later than they end span
    midnight; hours that start when they end are empty.
    """
    local = at.astimezone(zone).time().replace(tzinfo=None)
    if hours.start <= hours.end:
        return hours.start <= local < hours.end
    return local >= hours.start or local < hours.end


def quiet_zones(hours: QuietHours, time_zones: Iterable[str], at: datetime) -> frozenset[str]:
    """The zones, out of those named, in which it is quiet at the instant."""
    return frozenset(name for name in time_zones if is_quiet(hours, zone_of(name), at))


def zone_of(name: str) -> tzinfo:
    """The IANA zone; UTC for a name that is none, so that one bad row does not stop a send."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # KeyError covers ZoneInfoNotFoundError; the others are names that are paths
        return UTC


def in_quiet_hours(time_zones: "pd.Series[str]", hours: QuietHours | None, at: datetime) -> "pd.Series[bool]":
    """Which recipients it is quiet for: aligned with `time_zones`; one look at the clock per distinct zone."""
    if hours is None:
        return pd.Series(data=False, index=time_zones.index)
    named = time_zones.fillna("UTC")
    return named.isin(quiet_zones(hours, named.unique(), at))
