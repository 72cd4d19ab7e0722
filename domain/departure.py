"""How and when a send's letters leave, as the marketer writes it: pace, waves and their gates, warm-up, quiet hours, letters in doubt."""

from dataclasses import dataclass, field
from datetime import date, time
from enum import StrEnum
from typing import Annotated

from annotated_types import Ge, Gt, Le, Len
from typing_extensions import Doc

Share = Annotated[float, Ge(0), Le(1)]


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Local times between which nobody is written to; may span midnight."""

    start: Annotated[time, Doc("Local time at which quiet hours begin, such as 21:00")]
    end: Annotated[time, Doc("Local time at which quiet hours end, such as 07:00")]

    def cover(self, clock: time) -> bool:
        """Whether a local time is in them: from `start` on, before `end`. Hours that start when they end are empty."""
        if self.start <= self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end


@dataclass(frozen=True, slots=True)
class Gates:
    """Shares of the letters handed off so far above which a send pauses by itself. Machines' events do not count."""

    bounces: Annotated[Share, Doc("Share of bounced letters above which the send pauses")] = 0.05
    complaints: Annotated[Share, Doc("Share of letters reported as spam above which the send pauses")] = 0.003
    unsubscribes: Annotated[Share, Doc("Share of readers who unsubscribe above which the send pauses")] = 0.02
    render_failures: Annotated[Share, Doc("Share of letters that cannot be printed above which the send pauses")] = 0.02
    minimum: Annotated[int, Ge(1), Doc("Letters below which shares are not judged: too few say little")] = 100


@dataclass(frozen=True, slots=True)
class Waves:
    """A send that goes out in random waves, each a fair sample of the audience, with a soak and gates between them."""

    shares: Annotated[
        tuple[Annotated[float, Gt(0), Le(1)], ...],
        Len(1, 20),
        Doc("Share of the audience written to by the end of each wave, up to 1"),
    ] = (0.01, 0.05, 0.2, 1.0)
    soak_minutes: Annotated[
        float, Ge(0), Doc("Minutes between the end of a wave and the next one, for bounces and complaints to come in")
    ] = 60.0
    gates: Annotated[Gates, Doc("What must not happen")] = field(default_factory=Gates)


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Caps on what a sending domain mails per day (UTC) while it gets known; the most engaged recipients come first."""

    began_on: Annotated[date, Doc("First day of the warm-up")]
    per_day: Annotated[tuple[Annotated[int, Ge(1)], ...], Len(1, 120), Doc("Letters on the first day, the second, …; no cap afterwards")]


class UnknownPolicy(StrEnum):
    """What becomes of a letter of which nobody can find out whether it went out."""

    AT_MOST_ONCE = "at_most_once"  # it stays unknown, and is listed
    AT_LEAST_ONCE = "at_least_once"  # it is handed off again


@dataclass(frozen=True, slots=True)
class Departure:
    """How fast and when letters leave, and what becomes of those in doubt."""

    per_minute: Annotated[Annotated[int, Ge(1)] | None, Doc("Letters per minute at most, over all processes")] = None
    warm_up: Annotated[WarmUp | None, Doc("Daily caps of a new sending domain")] = None
    local_time: Annotated[time | None, Doc("Each recipient gets the letter when their clock first shows this, such as 09:00")] = None
    deadline_hours: Annotated[
        Annotated[float, Gt(0)] | None, Doc("Hours after the scheduled instant at which whoever is left is left out, with that reason")
    ] = None
    unknown: Annotated[UnknownPolicy, Doc("What becomes of letters of which nobody knows whether they went out")] = (
        UnknownPolicy.AT_MOST_ONCE
    )
    unknown_after_hours: Annotated[
        float, Ge(0), Doc("Hours for which evidence about such a letter is waited for before at_least_once hands it off again")
    ] = 24.0
