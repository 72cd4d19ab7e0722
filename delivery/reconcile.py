"""Resolving UNKNOWN: with evidence only. What cannot be proved stays UNKNOWN and is reported (DESIGN §3.9)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from delivery.answers import Answer, Unknown, settlement
from delivery.esp.port import Esp
from delivery.ledger import Ledger
from domain.ids import MessageId, SendId
from domain.message import MessageStatus

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Reconciled:
    """How many unknown messages turned out as what. `given_back` are PENDING again; `unproved` stay UNKNOWN."""

    accepted: int
    rejected: int
    given_back: int
    unproved: int


def reconcile(ledger: Ledger, esp: Esp, send_id: SendId, *, at: datetime) -> Reconciled:
    """Ask the ESP about the unknown messages of a send and settle what it proves.

    Only messages that were handed to this very account are asked about: another one's silence proves nothing.
    """
    unknown = list(ledger.unknowns(send_id))
    ours = [entry.message_id for entry in unknown if entry.esp == esp.name]
    found: Counter[MessageStatus] = Counter()
    for batch in _batches(ours):
        proved = _proved(esp.evidence(batch), batch)
        ledger.settle([settlement(answer) for answer in proved], at=at)
        found.update(settlement(answer).status for answer in proved)
    accepted, rejected, given_back = (found[s] for s in (MessageStatus.ACCEPTED, MessageStatus.REJECTED, MessageStatus.PENDING))
    return Reconciled(accepted, rejected, given_back, len(unknown) - found.total())


def _proved(answers: Iterable[Answer], asked: Sequence[MessageId]) -> list[Answer]:
    wanted = set(asked)
    return [answer for answer in answers if answer.message_id in wanted and not isinstance(answer, Unknown)]


def _batches(ids: Sequence[MessageId]) -> Iterator[list[MessageId]]:
    iterator = iter(ids)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
