"""Calls are frozen with the claim: the ledger names the call of every letter before it is made, and it is made as it was frozen."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from random import Random

import pytest

from delivery.answers import Answer, Unknown
from delivery.calls import key_of, keys_of
from delivery.esp import build_esp
from delivery.esp.port import Call
from delivery.handoff import HandOffCounts, hand_off
from domain.ids import MessageId
from domain.message import Letter, SuppressionReason
from domain.send import SendStatus
from simulator.esp.handle import SimulatedEsp
from storage.database import Database
from storage.ledger import SqlLedger
from storage.suppressions import Suppressions
from tests.delivery.crash_worker import printed
from tests.delivery.letters import SEND, letter, letters
from tests.delivery.world import AT, ToldEsp, run

THREE = 3


class ByThrees(ToldEsp):
    """Takes three letters in a call, and notes which calls it made."""

    made: list[Call]

    def calls(self, letters: Sequence[Letter]) -> list[Call]:
        ordered = sorted(letters, key=lambda one: one.message_id)
        return [tuple(ordered[start : start + THREE]) for start in range(0, len(ordered), THREE)]

    def hand_off(self, batch: Sequence[Letter]) -> Iterator[Answer]:
        for call in self.calls(batch):
            self.made = [*getattr(self, "made", []), call]
            yield from super().hand_off(call)


def frozen(database: Database) -> dict[MessageId, str | None]:
    """Each claimed letter of the send with its call, as the ledger has it."""
    ledger = SqlLedger(database)
    entries = [ledger.entry(SEND, one.recipient_id) for one in letters(30)]
    return {entry.message_id: entry.batch for entry in entries if entry is not None}


def test_every_letter_is_claimed_with_its_call(database: Database) -> None:
    """The key in the ledger is that of the call which was made."""
    esp = ByThrees()
    assert run(letters(10), esp, SqlLedger(database), batch_size=7).accepted == 10
    assert frozen(database) == keys_of(esp.made)
    assert sorted(len(call) for call in esp.made) == [1, 3, 3, 3]


def test_calls_are_frozen_without_those_who_do_not_go(database: Database) -> None:
    """Letters that are suppressed or held at the claim belong to no call, and the others' calls are those without them."""
    Suppressions(database).add(letter(2).address, SuppressionReason.UNSUBSCRIBED, AT)
    run([letter(0), letter(5)], ByThrees(), SqlLedger(database))
    before = frozen(database)
    esp = ByThrees()
    assert run(letters(10), esp, SqlLedger(database), run_id="run-2", batch_size=10) == HandOffCounts(accepted=7, held=2, suppressed=1)
    assert frozen(database) == before | keys_of(esp.made) | {letter(2).message_id: None}
    assert sorted(len(call) for call in esp.made) == [1, 3, 3]


def test_the_call_is_there_before_the_first_byte(database: Database) -> None:
    """When the ESP is given a call, the ledger already names it."""
    seen: list[tuple[str, str | None]] = []

    class Looking(ByThrees):
        def hand_off(self, batch: Sequence[Letter]) -> Iterator[Answer]:
            for call in self.calls(batch):
                for one in call:
                    entry = SqlLedger(database).entry(SEND, one.recipient_id)
                    seen.append((key_of(call), entry.batch if entry else None))
            return super().hand_off(batch)

    run(letters(8), Looking(), SqlLedger(database))
    assert len(seen) == 8 and all(made == kept for made, kept in seen)


def test_what_is_unknown_keeps_its_call_and_its_reason(database: Database) -> None:
    """Enough to make the very call again: key, payload hash, instant; and why nobody knows."""
    esp = ByThrees(lambda one: Unknown(one.message_id, "no answer to the call: time ran out"))
    run(letters(3), esp, SqlLedger(database))
    for entry in SqlLedger(database).unknowns(SEND):
        assert (entry.batch, entry.shard, entry.claimed_at) == (key_of(esp.made[0]), 0, AT)
        assert entry.reason == "no answer to the call: time ran out" and entry.payload_hash


@pytest.mark.parametrize("provider", ["resend", "sparkpost", "brevo"])
def test_the_frozen_key_is_the_key_that_the_esp_sees(sqlite_database: Database, provider: str) -> None:
    """What arrived under an idempotency key is what the ledger has under that key."""
    with SimulatedEsp.start() as server, closing(build_esp(f"{provider}://:KEY@{server.host}")) as esp:
        hand_off(
            (printed(number) for number in range(30)),
            esp,
            SqlLedger(sqlite_database),
            run_id="run-1",
            shard=0,
            clock=lambda: datetime.now(UTC),
            control=lambda: SendStatus.RUNNING,
            rng=Random(1),
            batch_size=7,
        )
        arrived = {MessageId(one.message_id): one.idempotency_key for one in server.messages(content=False)}
    kept = frozen(sqlite_database)
    assert len(arrived) == 30
    groups = {frozenset(one for one in arrived if arrived[one] == key) for key in arrived.values()}
    assert groups == {frozenset(one for one in kept if kept[one] == key) for key in kept.values()}
    if provider != "brevo":  # which wants UUIDs, made from the key
        assert arrived == kept
