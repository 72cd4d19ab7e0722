"""What a recipient asked to be spared: letters on a topic, or all letters for a time. To be spared all for good is a suppression."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Preferences:
    """What holds for one recipient. `without`: the topics they do not want. `paused_until`: no letters before; None if not paused."""

    suppressed: bool = False
    without: frozenset[str] = frozenset()
    paused_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody asks for. `leave`: no letters at all. `resume` ends a pause, before `pause_until` begins another."""

    leave: bool = False
    stop: frozenset[str] = frozenset()
    take_up: frozenset[str] = frozenset()
    resume: bool = False
    pause_until: datetime | None = None
