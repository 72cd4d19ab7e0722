"""The port to an email service provider. One file beside this one per ESP; `docs/esp/` says how each is set up."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from delivery.answers import Answer
from domain.ids import MessageId
from domain.message import Letter


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

    def check(self) -> None:
        """Find out before a send whether letters can be handed off. Raises UnavailableError or InputError."""
        ...

    def hand_off(self, batch: Sequence[Letter]) -> Iterable[Answer]:
        """Hand letters over; yields an answer per letter as it comes, in any order. What cannot be answered is Unknown,
        what certainly was not taken is Retry; an exception is a fault of the adapter."""
        ...

    def evidence(self, message_ids: Sequence[MessageId]) -> Iterable[Answer]:
        """What the ESP can prove about messages whose answer was lost: Accepted, Rejected, or Retry for those it certainly
        never had. It is silent about the others. Asked only when nobody is handing these messages off any more."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
