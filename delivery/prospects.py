"""What will become of a letter of which nobody knows whether it went out, for those who look at the list. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from delivery.esp.port import Esp
from domain.departure import Departure, UnknownPolicy
from domain.message import LedgerEntry


class Fate(StrEnum):
    """What happens next. Whatever it is, an event about the letter settles it."""

    REPEATED = "repeated"  # the very call is made again, which the ESP recognises
    LOOKED_UP = "looked_up"  # the ESP is asked whether it has it
    HANDED_OFF_AGAIN = "handed_off_again"  # by the campaign's policy
    STAYS = "stays"  # unless an event comes in


@dataclass(frozen=True, slots=True)
class Prospect:
    """What happens, and the instant that goes with it: until when it is repeated, or from when it is handed off again."""

    fate: Fate
    at: datetime | None = None

    def __str__(self) -> str:
        match self.fate:
            case Fate.REPEATED:
                return f"is repeated, until {self._when}"
            case Fate.LOOKED_UP:
                return "is looked up at the ESP"
            case Fate.HANDED_OFF_AGAIN:
                return f"is handed off again from {self._when}"
        return "stays, unless an event about it comes in"

    @property
    def _when(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} UTC" if self.at else "now on"


def prospect_of(
    entry: LedgerEntry, esp: Esp, departure: Departure, *, last: datetime | None, at: datetime, cancelled: bool = False
) -> Prospect:
    """What becomes of an unknown message. `last`: from when on nothing of its send leaves any more; of a cancelled one nothing does."""
    ours = entry.esp == esp.name
    if cancelled:
        return Prospect(Fate.LOOKED_UP if ours and esp.can_be_asked else Fate.STAYS)
    if ours and esp.remembers and entry.batch and entry.claimed_at and at < entry.claimed_at + esp.remembers:
        return Prospect(Fate.REPEATED, entry.claimed_at + esp.remembers)
    if departure.unknown is UnknownPolicy.AT_LEAST_ONCE and entry.answered_at:
        again = entry.answered_at + timedelta(hours=departure.unknown_after_hours)
        if last is None or max(again, at) < last:
            return Prospect(Fate.HANDED_OFF_AGAIN, again)
    return Prospect(Fate.LOOKED_UP if ours and esp.can_be_asked else Fate.STAYS)
