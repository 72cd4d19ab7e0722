"""The hand-off keeps to its pace: nothing is claimed that may not leave, and what the ESP says is passed on."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from delivery.answers import Accepted, Answer, Cause, Retry
from delivery.backoff import Patience
from delivery.handoff import HandOffCounts
from delivery.pace import LocalPace, Strictest
from domain.errors import UnavailableError
from domain.message import Letter, MessageStatus, SuppressionReason
from domain.pace import Allowance, Leave
from storage.database import Database
from storage.ledger import SqlLedger
from storage.suppressions import Suppressions
from tests.delivery.letters import SEND, letter, letters, unprintable
from tests.delivery.world import AT, Time, ToldEsp, run


@dataclass
class Noted:
    """A pace that grants `at_once`, and notes what it is told."""

    at_once: int = 1_000
    granted: int = 0
    back: int = 0
    taken: int = 0
    slowed: list[float | None] = field(default_factory=list)

    def take(self, messages: int, *, at: datetime) -> Leave:  # noqa: ARG002 - the port's
        self.granted += min(messages, self.at_once)
        return Leave(min(messages, self.at_once))

    def give_back(self, messages: int, *, at: datetime) -> None:  # noqa: ARG002
        self.back += messages

    def slow_down(self, after: float | None, *, at: datetime) -> None:  # noqa: ARG002
        self.slowed.append(after)

    def flowed(self, messages: int, *, at: datetime) -> None:  # noqa: ARG002
        self.taken += messages


@pytest.mark.parametrize(("rate", "batch"), [(200.0, 50), (200.0, 500), (1_000.0, 10), (0.5, 50)])
def test_letters_leave_at_the_rate(sqlite_database: Database, rate: float, batch: int) -> None:
    """Whatever the batch, the time that passes is that of the rate."""
    time, count = Time(), max(20, int(rate * 5))
    pace = LocalPace(Allowance(rate), at=AT)
    run(letters(count), ToldEsp(), SqlLedger(sqlite_database), time=time, batch_size=batch, pace=pace)
    assert (time.now - AT).total_seconds() == pytest.approx(count / rate, rel=0.06)


def test_a_batch_larger_than_what_may_leave_at_once_leaves_in_parts(sqlite_database: Database) -> None:
    """With 100 a second and a quarter of a second's worth at once, batches of 500 become some of 25 or so."""
    esp = ToldEsp()
    run(letters(500), esp, SqlLedger(sqlite_database), batch_size=500, pace=LocalPace(Allowance(100.0), at=AT))
    assert sum(esp.batches) == 500 and max(esp.batches) <= 50
    assert len(esp.batches) <= 500 / 25 + 2


def test_tokens_of_letters_that_did_not_leave_are_given_back(database: Database) -> None:
    """Suppressed, held, unprintable, or never printed: only what was handed over counts."""
    Suppressions(database).add(letter(1).address, SuppressionReason.UNSUBSCRIBED, AT)
    run(letters(3, first=5), ToldEsp(), SqlLedger(database))
    pace = Noted()
    counts = run([*letters(12), unprintable(20)], ToldEsp(), SqlLedger(database), run_id="run-2", pace=pace)
    assert counts == HandOffCounts(accepted=8, suppressed=1, held=3, failed=1)
    assert pace.granted - pace.back == 8 == pace.taken


def test_the_esps_wishes_are_passed_on(sqlite_database: Database) -> None:
    """Throttling slows down, by the longest wish; what is about one letter does not; what was taken has flowed."""
    said: Counter[str] = Counter()

    def answer(one: Letter) -> Answer:
        said[one.recipient_id] += 1
        if said[one.recipient_id] > 1:
            return Accepted(one.message_id)
        match int(one.recipient_id[1:]):
            case 1:
                return Retry(one.message_id, "429", after=3.0, cause=Cause.THROTTLED)
            case 2:
                return Retry(one.message_id, "429", cause=Cause.THROTTLED)
            case 3:
                return Retry(one.message_id, "451 greylisted")
        return Accepted(one.message_id)

    pace = Noted()
    assert run(letters(5), ToldEsp(answer), SqlLedger(sqlite_database), pace=pace) == HandOffCounts(accepted=5)
    assert (pace.slowed, pace.taken) == ([3.0], 5)


def test_a_storm_of_throttling_loses_nothing_and_passes(sqlite_database: Database) -> None:
    """For a minute nothing is taken: everything waits, nothing is given up, and afterwards the rate is what it was."""
    time = Time()

    def answer(one: Letter) -> Answer:
        if 5 < (time.now - AT).total_seconds() < 65:
            return Retry(one.message_id, "429", after=1.0, cause=Cause.THROTTLED)
        return Accepted(one.message_id)

    pace = LocalPace(Allowance(100.0), at=AT)
    esp = ToldEsp(answer)
    assert run(letters(8_000), esp, SqlLedger(sqlite_database), time=time, batch_size=50, pace=pace).accepted == 8_000
    assert Counter(esp.taken) == Counter(f"r{number}" for number in range(8_000))
    assert pace._bucket.rate == 100.0
    assert (time.now - AT).total_seconds() < 80 + 60 + 60


@dataclass
class Away(Noted):
    """A pace whose Redis is away for so many questions."""

    refusals: int = 0

    def take(self, messages: int, *, at: datetime) -> Leave:
        if self.refusals:
            self.refusals -= 1
            raise UnavailableError("Redis does not answer")
        return super().take(messages, at=at)

    def flowed(self, messages: int, *, at: datetime) -> None:  # noqa: ARG002
        raise UnavailableError("Redis does not answer")


def test_a_redis_that_comes_back_is_waited_for(sqlite_database: Database) -> None:
    """Nothing leaves meanwhile, nothing is lost, and reports that fail do no harm."""
    time = Time()
    assert run(letters(20), ToldEsp(), SqlLedger(sqlite_database), time=time, pace=Away(refusals=6)) == HandOffCounts(accepted=20)
    assert sum(time.slept) > 1


def test_a_redis_that_stays_away_ends_the_run(database: Database) -> None:
    """As a database that stays away does: after `settle_for` seconds, with everything that was on its way settled."""

    class Leaving(Away):
        def take(self, messages: int, *, at: datetime) -> Leave:
            if self.granted >= 10:
                self.refusals = 1
            return super().take(messages, at=at)

    time = Time()
    with pytest.raises(UnavailableError, match="Redis does not answer"):
        run(letters(100), ToldEsp(), SqlLedger(database), time=time, patience=Patience(settle_for=60), pace=Leaving())
    assert 60 <= sum(time.slept) < 120
    assert SqlLedger(database).counts(SEND) == {(MessageStatus.ACCEPTED, None): 10}


def test_the_campaigns_limit_holds_beside_the_accounts(sqlite_database: Database) -> None:
    """Two limits at once: the stricter one sets the rate."""
    time = Time()
    paces = [LocalPace(Allowance(10.0, span=1.0, adapts=False), at=AT), LocalPace(Allowance(300.0), at=AT)]
    run(letters(200), ToldEsp(), SqlLedger(sqlite_database), time=time, pace=Strictest(paces), batch_size=50)
    assert (time.now - AT).total_seconds() == pytest.approx(20, rel=0.06)
