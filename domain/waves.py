"""A wave of a send, as it is remembered."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class WaveState:
    """A wave (1, 2, …) that was opened; `finished_at` is None until all its letters that were due are settled."""

    wave: int
    opened_at: datetime
    finished_at: datetime | None
