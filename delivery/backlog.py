"""What is still to be handed off: letters as they are printed, and those the ESP wants to see again later.

Draws from the printer only as batches are asked for, and not at all while `room` letters are deferred, so memory is
bounded by the batches on their way and never by the audience.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from domain.ledger import UnprintableMessage
from domain.message import Letter

Printed = Letter | UnprintableMessage


@dataclass(frozen=True, slots=True)
class Batch:
    """Letters to claim together, no message twice, and what could not be printed among them. `retried`: deferred before."""

    letters: tuple[Letter, ...]
    unprintable: tuple[UnprintableMessage, ...] = ()
    retried: bool = False


class Backlog:
    """Batches of at most `size` from an iterator of printed letters, with deferred letters coming back when due."""

    def __init__(self, printed: Iterator[Printed], *, size: int, room: int) -> None:
        self._printed, self._size, self._room = printed, size, room
        self._drawn = False
        self._deferred: list[tuple[datetime, int, Letter]] = []
        self._serial = 0

    def defer(self, letter: Letter, due: datetime) -> None:
        """Bring this letter back at `due`."""
        self._serial += 1
        heapq.heappush(self._deferred, (due, self._serial, letter))

    def ready(self, now: datetime) -> bool:
        """Whether there may be a next batch now. Only drawing shows whether the printer has more."""
        due = bool(self._deferred) and self._deferred[0][0] <= now
        return due or self._may_draw

    def next(self, now: datetime, most: int | None = None) -> Batch | None:
        """The next batch, of at most `most` letters: what is due first, else fresh ones; None if there is neither now."""
        size = self._size if most is None else min(most, self._size)
        if due := self._due(now, size):
            return Batch(tuple(due), retried=True)
        return self._fresh(size) if self._may_draw else None

    @property
    def next_due(self) -> datetime | None:
        """When the earliest deferred letter comes back."""
        return self._deferred[0][0] if self._deferred else None

    @property
    def empty(self) -> bool:
        """Whether nothing is left, now or later. True only after the printer was asked for more and had none."""
        return self._drawn and not self._deferred

    @property
    def _may_draw(self) -> bool:
        return not self._drawn and len(self._deferred) < self._room

    def _due(self, now: datetime, size: int) -> list[Letter]:
        due: list[Letter] = []
        while self._deferred and self._deferred[0][0] <= now and len(due) < size:
            due.append(heapq.heappop(self._deferred)[2])
        return due

    def _fresh(self, size: int) -> Batch | None:
        drawn = list(islice(self._printed, size))
        self._drawn = len(drawn) < size
        letters = {item.message_id: item for item in drawn if isinstance(item, Letter)}
        unprintable = tuple(item for item in drawn if isinstance(item, UnprintableMessage))
        return Batch(tuple(letters.values()), unprintable) if drawn else None
