"""The port to the ledger: what hand-off and reconciliation ask of it. `storage/ledger.py` keeps it in the database.

The words that cross it and the table of legal moves are in `domain/ledger.py`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from domain.ids import SendId
from domain.ledger import Claimed, ClaimRequest, Settlement, UnprintableMessage
from domain.message import LedgerEntry


class Ledger(Protocol):
    """Every method is one committed transaction, and raises UnavailableError when the database does not answer."""

    def claim(self, letters: Sequence[ClaimRequest], *, run_id: str, esp: str, batch: str, at: datetime) -> Claimed:
        """Move to SENDING what is new or PENDING and not suppressed; durable when it returns, so bytes may leave."""
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
