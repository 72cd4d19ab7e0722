"""Resolving UNKNOWN: with evidence, or by making the very call again where the ESP recognises it. What cannot be settled stays UNKNOWN.

Evidence is an event about the message (the ESP or the reader has it), or what the ESP tells when it is asked. Only UNKNOWN rows are
touched, and only by legal moves: nobody hands them off any more, whether or not the run that claimed them is alive, so two
reconcilers, or one beside a live run, at worst find the same thing out twice.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from delivery.answers import Accepted, Answer, Retry, Unknown, settlement
from delivery.esp.port import Esp
from delivery.esp.repeating import InDoubt, calls_to_repeat
from delivery.ledger import Ledger
from domain.ids import MessageId, SendId, idempotency_key_of
from domain.message import LedgerEntry, Letter, MessageStatus

Reprint = Callable[[Sequence[LedgerEntry]], Mapping[MessageId, Letter]]
"""The letters of these rows as they were handed off, without those who may not be written to any more."""

_BATCH = 500
_LOSSES = 3  # calls in a row that stay in doubt before the rest is not repeated now


@dataclass(frozen=True, slots=True)
class Reconciled:
    """How many unknown messages turned out as what. `given_back` are PENDING again; `unproved` stay UNKNOWN."""

    accepted: int = 0
    rejected: int = 0
    given_back: int = 0
    unproved: int = 0


def reconcile(
    ledger: Ledger, esp: Esp, send_id: SendId, *, clock: Callable[[], datetime], reprint: Reprint | None = None, gives_back: bool = True
) -> Reconciled:
    """Find out about the unknown messages of a send and settle what is proved.

    Only what was handed to this very account is asked about and repeated: another one's silence proves nothing. `reprint`: without it
    nothing is repeated, which may be the first time that a letter really goes out. `gives_back`: what the ESP certainly never had
    becomes PENDING, for which nobody may be at work on the send.
    """
    unknown = {entry.message_id: entry for entry in ledger.unknowns(send_id)}
    work = _Work(ledger, esp, clock, unknown)
    work.settle([Accepted(message) for message in ledger.told_of(send_id)])
    work.look_up(gives_back=gives_back)
    if reprint and esp.remembers:
        work.repeat(send_id, reprint, esp.remembers)
    found = work.found
    accepted, rejected, given_back = (found[s] for s in (MessageStatus.ACCEPTED, MessageStatus.REJECTED, MessageStatus.PENDING))
    return Reconciled(accepted, rejected, given_back, len(unknown) - found.total())


def overdue(entries: Iterable[LedgerEntry], *, after: timedelta, at: datetime) -> list[LedgerEntry]:
    """The unknown messages about which no evidence has come for so long."""
    return [entry for entry in entries if entry.answered_at is not None and entry.answered_at + after <= at]


@dataclass(slots=True)
class _Work:
    """One reconciliation. `open`: what is still in doubt."""

    ledger: Ledger
    esp: Esp
    clock: Callable[[], datetime]
    open: dict[MessageId, LedgerEntry]
    found: Counter[MessageStatus] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.open = dict(self.open)

    def settle(self, answers: Iterable[Answer]) -> int:
        """Write down what is proved about what is in doubt; how many that is."""
        proved = [settlement(answer) for answer in answers if answer.message_id in self.open and not isinstance(answer, Unknown)]
        if proved:
            self.ledger.settle(proved, at=self.clock())
        for one in proved:
            del self.open[one.message_id]
            self.found[one.status] += 1
        return len(proved)

    def look_up(self, *, gives_back: bool) -> None:
        """Ask the ESP."""
        for batch in _batches([entry.message_id for entry in self._ours()]):
            told = self.esp.evidence(batch)
            self.settle(answer for answer in told if answer.message_id in batch and (gives_back or not isinstance(answer, Retry)))

    def repeat(self, send_id: SendId, reprint: Reprint, remembers: timedelta) -> None:
        """Make calls again that the ESP still remembers, whole; each is settled before the next."""
        calls: dict[str, list[LedgerEntry]] = {}
        for entry in self._ours():
            if entry.batch and entry.payload_hash and entry.claimed_at and self.clock() < entry.claimed_at + remembers:
                calls.setdefault(entry.batch, []).append(entry)
        self._complete(send_id, calls)
        letters = reprint([entry for members in calls.values() for entry in members]) if calls else {}
        lost = 0
        for members in calls.values():
            again, _ = calls_to_repeat(map(_in_doubt, members), letters, remembers=remembers, at=self.clock())
            for call in again:
                lost = 0 if self.settle(self.esp.repeat(call)) else lost + 1
            if lost >= _LOSSES:
                return  # the others have to wait for the next time

    def _complete(self, send_id: SendId, calls: dict[str, list[LedgerEntry]]) -> None:
        """Add to each call those of its letters that are known by now to have been taken: it can only be repeated whole."""
        short = [key for key, members in calls.items() if idempotency_key_of(map(_row, members)) != key]
        for entry in self.ledger.accepted_in(send_id, short) if short else ():
            if entry.batch:
                calls[entry.batch].append(entry)

    def _ours(self) -> list[LedgerEntry]:
        return [entry for entry in self.open.values() if entry.esp == self.esp.name]


def _row(entry: LedgerEntry) -> tuple[MessageId, str]:
    return entry.message_id, entry.payload_hash or ""


def _in_doubt(entry: LedgerEntry) -> InDoubt:
    if entry.batch is None or entry.claimed_at is None:
        raise ValueError(f"{entry.message_id} was never claimed")
    return InDoubt(entry.message_id, entry.payload_hash or "", entry.batch, entry.claimed_at)


def _batches(ids: Sequence[MessageId]) -> Iterator[list[MessageId]]:
    iterator = iter(ids)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
