"""The port to the ledger: what hand-off and reconciliation ask of it. `storage/ledger.py` keeps it in the database.

The words that cross it and the table of legal moves are in `domain/ledger.py`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from domain.ids import MessageId, SendId
from domain.ledger import Claimed, ClaimRequest, Settlement, UnprintableMessage
from domain.message import LedgerEntry


class Ledger(Protocol):
    """Every method is one committed transaction, and raises UnavailableError when the database does not answer."""

    def claim(
        self,
        letters: Sequence[ClaimRequest],
        *,
        run_id: str,
        esp: str,
        calls: Callable[[frozenset[MessageId]], Mapping[MessageId, str]],
        at: datetime,
    ) -> Claimed:
        """Move to SENDING what is new or PENDING and not suppressed; durable when it returns, so bytes may leave.

        `calls` tells the key of the call that each won message goes out in; it is kept with the claim.
        """
        ...

    def settle(self, settlements: Sequence[Settlement], *, at: datetime) -> object:
        """Write down what became of claimed messages; only legal moves are made."""
        ...

    def record_unprintable(self, entries: Sequence[UnprintableMessage], *, at: datetime) -> object:
        """Write down as FAILED what could not be printed; repeating it changes nothing."""
        ...

    def unknowns(self, send_id: SendId) -> Iterable[LedgerEntry]:
        """The messages of a send of which nobody knows whether the ESP has them."""
        ...

    def accepted_in(self, send_id: SendId, calls: Collection[str]) -> Sequence[LedgerEntry]:
        """The messages of a send that went out, or were to, in these calls, and are known to have been taken."""
        ...

    def told_of(self, send_id: SendId) -> Sequence[MessageId]:
        """The unknown messages that events have come in about: the ESP, or the reader, has them."""
        ...
