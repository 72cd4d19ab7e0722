"""When each recipient's own clock shows the time at which they are to be written to, changes of clocks included."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from domain.departure import QuietHours
from domain.time_zone import zone_of

_SECOND = timedelta(seconds=1)
_DAYS = range(-1, 4)  # around the local date: a zone has skipped a date before (Apia, 30 December 2011)


@dataclass(frozen=True, slots=True)
class Hours:
    """The times of day of a send: when its letters may leave first, and when nobody is written to."""

    scheduled_at: datetime
    local_time: time | None = None
    quiet: QuietHours | None = None

    def due_at(self, time_zone: str) -> datetime:
        """The first instant from `scheduled_at` on at which clocks of the zone show `local_time`; `scheduled_at` without one."""
        if self.local_time is None:
            return self.scheduled_at
        return _due_at(self.local_time, time_zone, self.scheduled_at)

    def leaves_at(self, time_zone: str, now: datetime) -> datetime:
        """When a letter may leave that has not left by `now`: when it is due, and not in quiet hours. Not before `now`."""
        at = max(self.due_at(time_zone), now)
        return after_quiet(self.quiet, zone_of(time_zone), at) if self.quiet else at


@lru_cache(maxsize=4096)
def _due_at(clock: time, time_zone: str, since: datetime) -> datetime:
    return first_showing(clock, zone_of(time_zone), since)


def after_quiet(hours: QuietHours, zone: tzinfo, at: datetime) -> datetime:
    """The first instant from `at` on that is not in quiet hours."""
    return first_showing(hours.end, zone, at) if hours.cover(at.astimezone(zone).time()) else at


def first_showing(clock: time, zone: tzinfo, since: datetime) -> datetime:
    """The first instant (UTC) from `since` on at which clocks of the zone show this time, or are put forward past it.

    Where clocks are put back and show it twice, the first of the two that is not over by `since`.
    """
    today = since.astimezone(zone).date()
    instants = (at for offset in _DAYS for at in _showings(clock, zone, today + timedelta(days=offset)))
    return min(at for at in instants if at >= since)


def _showings(clock: time, zone: tzinfo, day: date) -> Iterator[datetime]:
    """The instants at which clocks show this time on this date: one; two in a fold; in a gap, the instant of the change."""
    local = datetime.combine(day, clock, tzinfo=zone)
    first, second = (local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if first.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        yield first
        if second > first:
            yield second
    elif (change := _change_between(second, first, zone)).astimezone(zone).date() == day:
        yield change


def _change_between(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The instant at which the zone's offset becomes what it is at `after`: by halves; clocks are changed on whole seconds."""
    while after - before > _SECOND:
        middle = before + (after - before) / 2
        if middle.astimezone(zone).utcoffset() == after.astimezone(zone).utcoffset():
            after = middle
        else:
            before = middle
    return after.replace(microsecond=0)
