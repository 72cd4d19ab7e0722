"""A worker to be killed: `python -m tests.delivery.crash_worker DATABASE_URL ESP COUNT` takes up the send where it stands."""

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random

from delivery.esp import build_esp
from delivery.handoff import HandOffCounts, hand_off
from delivery.reconcile import reconcile
from domain.message import Letter
from domain.send import SendStatus
from storage.database import Database
from storage.ledger import SqlLedger
from storage.runs import Runs
from tests.delivery.letters import SEND, letters

PRINTING = 0.0005  # seconds a letter takes to print


def now() -> datetime:
    return datetime.now(UTC)


def printer(count: int) -> Iterator[Letter]:
    """Letters, not all at once."""
    for one in letters(count):
        time.sleep(PRINTING)
        yield one


def work(database: Database, address: str, count: int) -> HandOffCounts:
    """As a flow does it: what dead runs left is unknown, evidence is asked for, and the rest is handed off."""
    ledger, runs, esp = SqlLedger(database), Runs(database), build_esp(address)
    ledger.orphan(SEND, [run.run_id for run in runs.dead(SEND, now())], now())
    reconcile(ledger, esp, SEND, at=now())
    run_id = runs.start(SEND, now())
    counts = hand_off(
        printer(count), esp, ledger, run_id=run_id, shard=0, clock=now, control=lambda: SendStatus.RUNNING, rng=Random(run_id)
    )
    runs.end(run_id, now())
    esp.close()
    return counts


if __name__ == "__main__":
    work(Database(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
