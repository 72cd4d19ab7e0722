"""A worker to be killed: `python -m tests.delivery.crash_worker DATABASE_URL ESP COUNT [BATCH]` takes up the send where it stands."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from random import Random

from delivery.backoff import Patience
from delivery.esp import build_esp
from delivery.handoff import HandOffCounts, hand_off
from delivery.reconcile import Reconciled, reconcile
from domain.ids import MessageId
from domain.message import LedgerEntry, Letter
from domain.send import SendStatus
from runtime.heartbeat import heartbeat
from storage.database import Database
from storage.ledger import SqlLedger
from storage.runs import Runs
from tests.delivery.letters import SEND, SENDER, letter

PRINTING = 0.0005  # seconds a letter takes to print
HASTE = Patience(base=0.05, ceiling=0.2, rounds=200)  # faults are many here, and nobody's time is to be lost


def now() -> datetime:
    return datetime.now(UTC)


def printed(number: int) -> Letter:
    """The letter to r<number>, with a sender, which some ESPs insist on."""
    return letter(number, mime=f"From: <{SENDER}>\r\n".encode() + letter(number).mime)


def printer(count: int) -> Iterator[Letter]:
    """Letters, not all at once."""
    for number in range(count):
        time.sleep(PRINTING)
        yield printed(number)


def reprint(entries: Sequence[LedgerEntry]) -> dict[MessageId, Letter]:
    """The letters of these rows again."""
    return {entry.message_id: printed(int(entry.recipient_id[1:])) for entry in entries}


def reconciled(database: Database, address: str) -> Reconciled:
    """What dead runs left is unknown, evidence is asked for, and calls are repeated where the ESP knows them again."""
    ledger, runs = SqlLedger(database), Runs(database)
    ledger.orphan(SEND, [run.run_id for run in runs.dead(SEND, now())], now())
    with closing(build_esp(address)) as esp:
        return reconcile(ledger, esp, SEND, clock=now, reprint=reprint, gives_back=not runs.live(SEND, now()))


def work(database: Database, address: str, count: int, batch: int = 0) -> HandOffCounts:
    """As a flow does it: find out about what is in doubt, and hand off the rest."""
    reconciled(database, address)
    with heartbeat(Runs(database), SEND) as run_id, closing(build_esp(address)) as esp:
        return hand_off(
            printer(count),
            esp,
            SqlLedger(database),
            run_id=run_id,
            shard=0,
            clock=now,
            control=lambda: SendStatus.RUNNING,
            rng=Random(run_id),
            concurrency=4,
            batch_size=batch,
            patience=HASTE,
        )


if __name__ == "__main__":
    work(Database(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]) if sys.argv[4:] else 0)
