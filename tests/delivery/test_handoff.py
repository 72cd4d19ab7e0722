"""The hand-off over a real ledger: claimed before any byte leaves, settled by what was answered, whatever happens."""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import pytest

from delivery.answers import Accepted, Answer, Cause, Rejected, Retry, Unknown
from delivery.backlog import Printed
from delivery.backoff import Patience
from delivery.handoff import HandOffCounts
from delivery.stopping import EspFault, EspUnavailable, SendStopped
from domain.errors import UnavailableError
from domain.ledger import Claimed, ClaimRequest, Settlement
from domain.message import Letter, MessageStatus, SuppressionReason
from domain.send import SendStatus
from storage.database import Database
from storage.ledger import Calls, SqlLedger
from storage.suppressions import Suppressions
from tests.delivery.letters import SEND, letter, letters, unprintable
from tests.delivery.world import AT, Time, ToldEsp, run

S = MessageStatus


def standing(database: Database) -> Counter[MessageStatus]:
    """How many messages stand where."""
    counted: Counter[MessageStatus] = Counter()
    for (status, _reason), count in SqlLedger(database).counts(SEND).items():
        counted[status] += count
    return counted


def number_of(letter: Letter) -> int:
    """The n of r<n>."""
    return int(letter.recipient_id[1:])


def test_every_letter_is_handed_off_once(database: Database) -> None:
    """Twelve letters in batches of five: all accepted, each once, and the second run repeats nothing."""
    esp = ToldEsp()
    assert run(letters(12), esp, SqlLedger(database)) == HandOffCounts(accepted=12)
    assert run(letters(12), esp, SqlLedger(database), run_id="run-2") == HandOffCounts(held=12)
    assert Counter(esp.taken) == Counter(f"r{n}" for n in range(12))
    assert max(esp.batches) <= 5


def test_nothing_leaves_unclaimed(database: Database) -> None:
    """When the ESP is given a letter, the ledger already says SENDING, durably and visible to others."""
    seen: list[MessageStatus] = []

    def look(letter: Letter) -> Answer:
        entry = SqlLedger(database).entry(SEND, letter.recipient_id)
        assert entry is not None
        seen.append(entry.status)
        return Accepted(letter.message_id)

    run(letters(7), ToldEsp(look), SqlLedger(database))
    assert seen == [S.SENDING] * 7


def test_each_answer_has_its_status(database: Database) -> None:
    """Accepted, rejected and unknown are settled with reason and the ESP's own id; the unprintable is recorded."""

    def answer(letter: Letter) -> Answer:
        match number_of(letter) % 3:
            case 0:
                return Accepted(letter.message_id, f"Q{letter.recipient_id}")
            case 1:
                return Rejected(letter.message_id, "550 5.1.1 no such user")
        return Unknown(letter.message_id, "no answer")

    counts = run([*letters(6), unprintable(6)], ToldEsp(answer), SqlLedger(database))
    assert counts == HandOffCounts(accepted=2, rejected=2, unknown=2, failed=1)
    assert SqlLedger(database).counts(SEND) == {
        (S.ACCEPTED, None): 2,
        (S.REJECTED, "550 5.1.1 no such user"): 2,
        (S.UNKNOWN, "no answer"): 2,
        (S.FAILED, unprintable(6).reason): 1,
    }
    entry = SqlLedger(database).entry(SEND, letter(3).recipient_id)
    assert entry is not None
    assert (entry.esp, entry.esp_message_id, entry.attempt) == ("told", "Qr3", 1)


def test_an_unknown_outcome_is_never_repeated(database: Database) -> None:
    """A later run leaves it alone."""
    run(letters(3), ToldEsp(lambda letter: Unknown(letter.message_id, "no answer")), SqlLedger(database))
    later = ToldEsp()
    assert run(letters(3), later, SqlLedger(database), run_id="run-2") == HandOffCounts(held=3)
    assert later.taken == []


def test_a_suppression_that_came_in_late_keeps_the_letter_in(database: Database) -> None:
    """Suppressed between planning and hand-off: excluded, not sent."""
    Suppressions(database).add(letter(1).address, SuppressionReason.UNSUBSCRIBED, AT)
    esp = ToldEsp()
    assert run(letters(3), esp, SqlLedger(database)) == HandOffCounts(accepted=2, suppressed=1)
    assert sorted(esp.taken) == ["r0", "r2"]


def test_greylisted_letters_are_retried_within_the_run(database: Database) -> None:
    """Refused twice for now, taken at the third attempt, after waits that grow; the others do not wait for it."""
    refusals = Counter({"r1": 2})
    order: list[str] = []

    def answer(letter: Letter) -> Answer:
        order.append(letter.recipient_id)
        if refusals[letter.recipient_id]:
            refusals[letter.recipient_id] -= 1
            return Retry(letter.message_id, "451 4.7.1 greylisted")
        return Accepted(letter.message_id)

    time = Time()
    assert run(letters(8), ToldEsp(answer), SqlLedger(database), time=time) == HandOffCounts(accepted=8)
    assert order[-2:] == ["r1", "r1"]
    assert 0 < sum(time.slept) <= 3.0
    entry = SqlLedger(database).entry(SEND, letter(1).recipient_id)
    assert entry is not None
    assert (entry.status, entry.attempt) == (S.ACCEPTED, 3)


def test_patience_with_one_letter_ends(database: Database) -> None:
    """A letter that is refused for now at every attempt stays PENDING with the reason, for a later run."""
    esp = ToldEsp(lambda given: Retry(given.message_id, "451 later") if number_of(given) == 1 else Accepted(given.message_id))
    assert run(letters(4), esp, SqlLedger(database)) == HandOffCounts(accepted=3, deferred=1)
    assert SqlLedger(database).counts(SEND)[S.PENDING, "451 later"] == 1
    assert run(letters(4), ToldEsp(), SqlLedger(database), run_id="run-2") == HandOffCounts(accepted=1, held=3)


def test_an_esp_that_comes_back_is_waited_for(database: Database) -> None:
    """Gone for three seconds: nothing is lost, nothing sent twice, and only one batch at a time is tried meanwhile."""
    time = Time()

    def answer(letter: Letter) -> Answer:
        if 0 < (time.now - AT).total_seconds() < 3 or (time.now == AT and number_of(letter) >= 10):
            return Retry(letter.message_id, "connection refused", cause=Cause.UNREACHABLE)
        return Accepted(letter.message_id)

    esp = ToldEsp(answer)
    assert run(letters(40), esp, SqlLedger(database), time=time) == HandOffCounts(accepted=40)
    assert Counter(esp.taken) == Counter(f"r{n}" for n in range(40))


def test_an_esp_that_stays_away_pauses_the_send(database: Database) -> None:
    """After a few rounds it is unavailable: what was sent is settled, the rest is PENDING, and a later run finishes it."""

    def answer(letter: Letter) -> Answer:
        if number_of(letter) < 10:
            return Accepted(letter.message_id)
        return Retry(letter.message_id, "connection refused", cause=Cause.UNREACHABLE)

    with pytest.raises(EspUnavailable, match="told: it took nothing in 6 rounds; the last answer: connection refused"):
        run(letters(100), ToldEsp(answer), SqlLedger(database))
    assert standing(database)[S.ACCEPTED] == 10
    assert set(standing(database)) == {S.ACCEPTED, S.PENDING}
    later = ToldEsp()
    assert run(letters(100), later, SqlLedger(database), run_id="run-2") == HandOffCounts(accepted=90, held=10)


def test_a_relay_that_rejects_everybody_for_one_reason_is_stopped(database: Database) -> None:
    """The list is not burnt through when the fault is ours."""
    esp = ToldEsp(lambda letter: Rejected(letter.message_id, "554 5.7.1 relay access denied"))
    with pytest.raises(EspUnavailable, match="rejected 10 letters in a row"):
        run(letters(1_000), esp, SqlLedger(database), patience=Patience(rejections=10))
    assert standing(database)[S.REJECTED] <= 10 + 2 * 5


@pytest.mark.parametrize("status", [SendStatus.PAUSED, SendStatus.CANCELLED])
def test_a_pause_stops_within_one_batch(database: Database, status: SendStatus) -> None:
    """Asked before every claim: what is on its way is settled, nothing more is claimed."""
    said = iter([SendStatus.RUNNING] * 3)
    esp = ToldEsp()
    with pytest.raises(SendStopped) as stopped:
        run(letters(100), esp, SqlLedger(database), control=lambda: next(said, status))
    assert stopped.value.status is status
    assert standing(database) == {S.ACCEPTED: 15}
    assert len(esp.taken) == 15


def test_a_pause_is_noticed_while_waiting(database: Database) -> None:
    """A send that waits for its ESP can be paused."""
    time = Time()
    with pytest.raises(SendStopped):
        run(
            letters(5),
            ToldEsp(lambda letter: Retry(letter.message_id, "later", after=3600, cause=Cause.THROTTLED)),
            SqlLedger(database),
            time=time,
            control=lambda: SendStatus.PAUSED if time.slept else SendStatus.RUNNING,
        )
    assert sum(time.slept) <= 1.0


def test_a_broken_adapter_loses_nobodys_answer(database: Database) -> None:
    """An unexpected exception in one thread: answers before it count, the rest of its batch is UNKNOWN, the other
    threads' batches are settled, and the error tells the place but not the text, which holds an address."""
    together = threading.Barrier(2, timeout=10)

    def answer(letter: Letter) -> Answer:
        if number_of(letter) % 5 == 0:
            together.wait()
        if number_of(letter) == 2:
            raise ValueError(letter.address)
        return Accepted(letter.message_id)

    with pytest.raises(EspFault, match=r"told broke: ValueError at .*test_handoff") as fault:
        run(letters(10), ToldEsp(answer), SqlLedger(database))
    assert "@" not in str(fault.value)
    assert standing(database) == {S.ACCEPTED: 7, S.UNKNOWN: 3}


def test_a_letter_the_esp_does_not_mention_is_unknown(database: Database) -> None:
    """An answer that leaves letters out leaves them unknown; answers about strangers are ignored."""

    class Forgetful(ToldEsp):
        def hand_off(self, batch: Sequence[Letter]) -> Iterator[Answer]:
            yield Accepted(batch[0].message_id)
            yield Accepted(letter(999).message_id)

    assert run(letters(5), Forgetful(), SqlLedger(database)) == HandOffCounts(accepted=1, unknown=4)


def test_a_printer_that_breaks_leaves_nothing_unsettled(database: Database) -> None:
    """An exception from the iterator of letters passes, after what is on its way was settled."""

    def printer() -> Iterator[Printed]:
        yield from letters(10)
        raise RuntimeError("out of ink")

    with pytest.raises(RuntimeError, match="out of ink"):
        run(printer(), ToldEsp(), SqlLedger(database))
    assert standing(database) == {S.ACCEPTED: 10}


class Flaky(SqlLedger):
    """A ledger whose database is away for the first `refusals` settlements."""

    refusals = 0

    def settle(self, settlements: Sequence[Settlement], *, at: datetime) -> None:
        if self.refusals:
            self.refusals -= 1
            raise UnavailableError("the database does not answer")
        super().settle(settlements, at=at)


def test_answers_outlive_a_database_that_goes_away(database: Database) -> None:
    """The ESP's answers are kept until the database is back."""
    ledger, time = Flaky(database), Time()
    ledger.refusals = 6
    assert run(letters(20), ToldEsp(), ledger, time=time) == HandOffCounts(accepted=20)
    assert len(time.slept) == 6


def test_a_database_that_stays_away_ends_the_run(database: Database) -> None:
    """After `settle_for` seconds the run gives up; its claims are the next run's unknowns, and none is repeated."""
    ledger, time, esp = Flaky(database), Time(), ToldEsp()
    ledger.refusals = 1_000_000
    with pytest.raises(UnavailableError, match="the database does not answer"):
        run(letters(20), esp, ledger, time=time, patience=Patience(settle_for=60))
    assert 60 <= sum(time.slept) < 120
    handed_off = len(esp.taken)
    assert standing(database) == {S.SENDING: handed_off}
    assert SqlLedger(database).orphan(SEND, ["run-1"], AT) == handed_off
    assert run(letters(20), esp, SqlLedger(database), run_id="run-2") == HandOffCounts(accepted=20 - handed_off, held=handed_off)
    assert Counter(esp.taken) == Counter(f"r{n}" for n in range(20))


def test_a_database_that_goes_away_before_a_claim_ends_the_run(database: Database) -> None:
    """What cannot be claimed is not sent; what is on its way is settled; the rest is untouched."""

    class Closing(SqlLedger):
        claims = 0

        def claim(self, letters: Sequence[ClaimRequest], *, run_id: str, esp: str, calls: Calls, at: datetime) -> Claimed:
            self.claims += 1
            if self.claims > 2:
                raise UnavailableError("the database does not answer")
            return super().claim(letters, run_id=run_id, esp=esp, calls=calls, at=at)

    esp = ToldEsp()
    with pytest.raises(UnavailableError):
        run(letters(20), esp, Closing(database))
    assert (len(esp.taken), standing(database)) == (10, {S.ACCEPTED: 10})


def test_the_iterator_is_never_drawn_far_ahead(database: Database) -> None:
    """At most concurrency batches are out, and one more is being put together."""
    drawn, most_ahead = 0, 0
    esp = ToldEsp()

    def printer() -> Iterator[Printed]:
        nonlocal drawn, most_ahead
        for one in letters(200):
            drawn += 1
            most_ahead = max(most_ahead, drawn - sum(esp.batches))
            yield one

    run(printer(), esp, SqlLedger(database), concurrency=3, batch_size=4)
    assert drawn == 200
    assert most_ahead <= (3 + 1) * 4
    assert esp.most_with_it <= 3


def test_the_esp_limits_the_batch(database: Database) -> None:
    """A batch is never larger than the ESP takes."""
    esp = ToldEsp(max_batch=3)
    run(letters(20), esp, SqlLedger(database), batch_size=50)
    assert max(esp.batches) == 3


def test_progress_is_told_as_it_is_made(database: Database) -> None:
    """The callback sees counts that only grow and end at the result."""
    told: list[HandOffCounts] = []
    counts = run([*letters(11), unprintable(50)], ToldEsp(), SqlLedger(database), progress=told.append)
    assert told[-1] == counts
    assert [one.accepted for one in told] == sorted(one.accepted for one in told)


def test_two_runs_at_once_share_the_work(database: Database) -> None:
    """Two workers on one send: every letter goes out once, and their counts make the whole."""
    esp = ToldEsp()
    results: dict[str, Any] = {}

    def work(run_id: str) -> None:
        results[run_id] = run(letters(60), esp, SqlLedger(database), run_id=run_id, batch_size=3)

    threads = [threading.Thread(target=work, args=[run_id]) for run_id in ("run-1", "run-2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(esp.taken) == Counter(f"r{n}" for n in range(60))
    assert (results["run-1"] + results["run-2"]).accepted == 60


def test_counts_add_up_by_field() -> None:
    """Shards' counts are summed."""
    assert HandOffCounts(accepted=1, held=2) + HandOffCounts(accepted=3, unknown=1) == HandOffCounts(accepted=4, held=2, unknown=1)
