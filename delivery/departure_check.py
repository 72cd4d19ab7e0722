"""Whether the waves and the departure of a campaign.yaml can be kept to."""

from collections.abc import Iterator
from itertools import pairwise

from delivery.file_models import CampaignFile
from delivery.yaml_lines import Document, Path
from domain.departure import Departure, QuietHours, Waves
from domain.errors import Mistake

_MINUTES = 60.0
Found = Iterator[tuple[Path, str, str]]


def check_departure(written: CampaignFile, document: Document, file: str) -> list[Mistake]:
    """What contradicts itself, with its line."""
    found = [*_of_shares(written.waves), *_of_deadline(written.departure, written.waves)]
    found += _of_local_time(written.departure, written.quiet_hours)
    return [Mistake(what, file, document.line_of(path), hint) for path, what, hint in found]


def _of_shares(waves: Waves | None) -> Found:
    if waves is None:
        return
    for place, (before, after) in enumerate(pairwise(waves.shares), start=1):
        if after <= before:
            hint = "shares are of the whole audience, by the end of each wave, such as [0.01, 0.05, 0.2, 1]"
            yield ("waves", "shares", place), f"waves.shares: {after:g} after {before:g} is a wave for nobody", hint
    if waves.shares[-1] < 1:
        yield ("waves", "shares"), f"waves.shares end with {waves.shares[-1]:g}: the others would never be written to", "end with 1"


def _of_deadline(departure: Departure, waves: Waves | None) -> Found:
    if departure.deadline_hours is None or waves is None:
        return
    soaks = waves.soak_minutes * (len(waves.shares) - 1)
    if departure.deadline_hours * _MINUTES <= soaks:
        what = (
            f"departure.deadline_hours: {departure.deadline_hours:g} hours are over before the last wave: its soaks take {soaks:g} minutes"
        )
        yield ("departure", "deadline_hours"), what, "a later deadline, shorter soaks, or fewer waves"


def _of_local_time(departure: Departure, quiet: QuietHours | None) -> Found:
    clock = departure.local_time
    if clock is None:
        return
    if clock.tzinfo:
        yield ("departure", "local_time"), "departure.local_time is on each recipient's own clock, so it has no time zone", "such as 09:00"
    elif quiet and quiet.cover(clock):
        what = f"departure.local_time: {clock:%H:%M} is in quiet hours, which are from {quiet.start:%H:%M} to {quiet.end:%H:%M}"
        yield ("departure", "local_time"), what, "letters would wait for quiet hours to end: write that time, or change quiet_hours"
