"""The port to an email service provider. One file beside this one per ESP; `docs/esp/` says how each is set up."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from delivery.answers import Answer
from domain.ids import MessageId
from domain.message import Letter

Call = tuple[Letter, ...]
"""Letters that go out together, in the order of their ids: one call of an API, one dialogue, one file."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What serves an ESP well where nothing else is said. A crash leaves up to `batch` letters of each connection in doubt.

    `batch`: letters claimed together; `connections`: batches on their way at once, per shard; `calls_per_second`: what the ESP's
    documentation allows, None if it counts letters or nothing; `throttles`: whether it ever asks anybody to slow down.
    """

    batch: int
    connections: int
    calls_per_second: float | None = None
    throttles: bool = True


class Esp(Protocol):
    """One account at one ESP. Safe to use from several threads, a batch each."""

    @property
    def name(self) -> str:
        """Which account this is, without secrets; kept with every claim, so that evidence is asked of the right one."""
        ...

    @property
    def max_batch(self) -> int:
        """The most letters one `hand_off` takes. Small where letters go one by one: a crash leaves a batch UNKNOWN."""
        ...

    @property
    def habits(self) -> Habits:
        """What serves it well."""
        ...

    @property
    def remembers(self) -> timedelta | None:
        """For how long a call that is repeated, byte for byte and under its key, is recognised and not acted on again."""
        ...

    @property
    def can_be_asked(self) -> bool:
        """Whether it has evidence: whether it can be asked about a message."""
        ...

    def check(self) -> None:
        """Find out before a send whether letters can be handed off. Raises UnavailableError or InputError."""
        ...

    def calls(self, letters: Sequence[Letter]) -> Sequence[Call]:
        """The calls in which `hand_off` will make these letters go out: each letter in one, whatever their order. Pure, so the
        ledger can freeze them before; the letters of one call are that call again."""
        ...

    def hand_off(self, batch: Sequence[Letter]) -> Iterable[Answer]:
        """Hand letters over; yields an answer per letter as it comes, in any order. What cannot be answered is Unknown,
        what certainly was not taken is Retry; an exception is a fault of the adapter."""
        ...

    def repeat(self, call: Call) -> Sequence[Answer]:
        """Make a call once more that may have been acted on, while the ESP remembers it. Accepted, Rejected or Unknown; never
        Retry. Not asked of an ESP that remembers nothing."""
        ...

    def evidence(self, message_ids: Sequence[MessageId]) -> Iterable[Answer]:
        """What the ESP can prove about messages whose answer was lost: Accepted, Rejected, or Retry for those it certainly
        never had. It is silent about the others. Asked only when nobody is handing these messages off any more."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def one_by_one(letters: Iterable[Letter]) -> list[Call]:
    """A call for each letter."""
    return [(letter,) for letter in letters]
