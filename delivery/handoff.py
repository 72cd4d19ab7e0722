"""The hand-off: every letter is claimed in the ledger before any byte leaves, and settled by what the ESP answered.

One thread claims and settles; up to `concurrency` threads talk to the ESP, a batch each. The pace is asked before every claim, so
nothing is claimed that could not leave, and each claim freezes the calls that its letters go out in. At any moment at most
concurrency x batch letters are SENDING: that is what a `kill -9` leaves UNKNOWN. Whatever ends the hand-off early
(a pause, an ESP or database that went away, a fault), the batches on their way are waited for and settled first.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from random import Random

from delivery.answers import Accepted, Answer, Cause, Rejected, Retry, Unknown, settlement
from delivery.asking import Landing, ask
from delivery.backlog import Backlog, Batch, Printed
from delivery.backoff import Line, Patience
from delivery.calls import freezing
from delivery.esp.port import Esp
from delivery.ledger import Ledger
from delivery.pace import Pace, Unpaced
from delivery.pacing import Pacing
from delivery.stopping import EspFault, EspUnavailable, SendStopped
from domain.errors import LetterpressError, UnavailableError
from domain.ids import MessageId
from domain.ledger import ClaimRequest
from domain.message import Letter
from domain.send import SendStatus

_STOPPING = frozenset({SendStatus.PAUSED, SendStatus.CANCELLED})
_NAP = 1.0  # seconds at most between two looks at whether the send was paused


@dataclass(frozen=True, slots=True)
class HandOffCounts:
    """What one hand-off did. `held`: an earlier run had them. `deferred`: still PENDING after this run's attempts."""

    accepted: int = 0
    rejected: int = 0
    unknown: int = 0
    failed: int = 0
    suppressed: int = 0
    held: int = 0
    deferred: int = 0

    def __add__(self, other: "HandOffCounts") -> "HandOffCounts":
        return HandOffCounts(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Outside:
    """What hand-off needs of the world around it: time, chance, and those who watch and steer it."""

    clock: Callable[[], datetime]
    sleep: Callable[[float], object]
    rng: Random
    control: Callable[[], SendStatus]
    progress: Callable[[HandOffCounts], object]


def hand_off(
    letters: Iterator[Printed],
    esp: Esp,
    ledger: Ledger,
    *,
    run_id: str,
    shard: int,
    clock: Callable[[], datetime],
    control: Callable[[], SendStatus],
    rng: Random,
    sleep: Callable[[float], object] = time.sleep,
    concurrency: int = 0,
    batch_size: int = 0,
    pace: Pace = Unpaced(),  # noqa: B008 - has no state
    patience: Patience = Patience(),  # noqa: B008 - frozen
    progress: Callable[[HandOffCounts], object] = lambda _counts: None,
) -> HandOffCounts:
    """Hand off a shard's letters; returns when each is settled, held by another run, or deferred.

    `control` and `pace` are asked before every claim. `concurrency` batches of `batch_size` letters; 0: as serves the ESP well.
    Raises SendStopped when `control` says PAUSED or CANCELLED, EspUnavailable when the ESP takes nothing for `patience.rounds`,
    UnavailableError when the database or the pace does not come back within `patience.settle_for` seconds, EspFault when an
    adapter breaks; in each case after settling what is on its way.
    """
    size = max(1, min(batch_size or esp.habits.batch, esp.max_batch))
    concurrency = concurrency or esp.habits.connections
    outside = Outside(clock, sleep, rng, control, progress)
    with ThreadPoolExecutor(concurrency, thread_name_prefix="handoff") as threads:
        backlog = Backlog(letters, size=size, room=concurrency * size)
        line, pacing = Line(patience, rng), Pacing(pace, patience, rng)
        work = _HandOff(esp, ledger, run_id, shard, concurrency, size, patience, outside, threads, backlog, line, pacing)
        try:
            work.run()
        finally:
            work.land_all()
    return work.counts


@dataclass(frozen=True, slots=True)
class _Flight:
    """A batch on its way to the ESP, and the round of the line in which it left."""

    letters: Sequence[Letter]
    retried: bool
    round: int


@dataclass(slots=True)
class _HandOff:
    esp: Esp
    ledger: Ledger
    run_id: str
    shard: int
    concurrency: int
    size: int
    patience: Patience
    outside: Outside
    threads: ThreadPoolExecutor
    backlog: Backlog
    line: Line
    pacing: Pacing
    flying: dict[Future[Landing], _Flight] = field(default_factory=dict)
    attempts: Counter[MessageId] = field(default_factory=Counter)  # only of letters that are deferred
    tally: Counter[str] = field(default_factory=Counter)
    given_up: bool = False  # the database did not come back: later settles are tried once

    @property
    def counts(self) -> HandOffCounts:
        """What was done so far."""
        return HandOffCounts(**self.tally)

    def run(self) -> None:
        """Claim and hand off until nothing is left, now or later."""
        while True:
            self._launch()
            if self.flying:
                self._land()
            elif self.backlog.empty:
                return
            else:
                self._rest()

    def land_all(self) -> None:
        """Wait for what is on its way and settle all of it; what fails to be settled does not keep the others from it."""
        failure: LetterpressError | None = None
        while self.flying:
            try:
                self._land(last=True)
            except LetterpressError as error:
                failure = error
        if failure:
            raise failure

    def _launch(self) -> None:
        """Start batches while the line is open, a thread is free, and the pace lets letters go."""
        while len(self.flying) < self.line.width(self.concurrency):
            self._obey()
            now = self.outside.clock()
            if self.line.waiting(now) or not self.backlog.ready(now):
                return
            granted = self.pacing.leave(self.line.most(self.size), now)
            if not granted:
                return
            batch = self.backlog.next(now, granted)
            left = self._claim(batch) if batch else 0
            self.pacing.unused(granted - left, now)

    def _obey(self) -> None:
        status = self.outside.control()
        if status in _STOPPING:
            raise SendStopped(status)

    def _claim(self, batch: Batch) -> int:
        """Write the claim down, with the calls that its letters go out in, then let go of those that were won. Returns how many."""
        self._record(batch)
        if not batch.letters:
            return 0
        requests = [_request(letter, self.shard) for letter in batch.letters]
        calls = freezing(self.esp, batch.letters)
        claimed = self.ledger.claim(requests, run_id=self.run_id, esp=self.esp.name, calls=calls, at=self.outside.clock())
        self.tally.update(suppressed=len(claimed.suppressed), held=len(claimed.held))
        if won := [letter for letter in batch.letters if letter.message_id in claimed.won]:
            flight = _Flight(won, batch.retried, self.line.round)
            self.flying[self.threads.submit(ask, self.esp, won)] = flight
        else:
            self.outside.progress(self.counts)
        return len(won)

    def _record(self, batch: Batch) -> None:
        if batch.unprintable:
            self.ledger.record_unprintable(batch.unprintable, at=self.outside.clock())
            self.tally["failed"] += len(batch.unprintable)

    def _land(self, *, last: bool = False) -> None:
        """Wait for one batch or more to come back; settle them. `last`: nothing new will be started, so no verdicts."""
        done, _ = wait(self.flying, timeout=None if last else self._until_next(), return_when=FIRST_COMPLETED)
        for future in done:
            flight, landing = self.flying.pop(future), future.result()
            self._settle(landing.answers)
            self._hear(flight, landing.answers)
            self.outside.progress(self.counts)
            if landing.fault and not last:
                raise EspFault(f"the adapter of {self.esp.name} broke: {landing.fault}")
        if done and not last and (verdict := self.line.verdict()):
            raise EspUnavailable(verdict, where=self.esp.name, hint="what was not sent is kept; resume when it answers again")

    def _until_next(self) -> float | None:
        """How long to wait for an answer before looking after other letters, if there are any and room for them."""
        room = len(self.flying) < self.line.width(self.concurrency)
        return min(self._wakes(), default=_NAP) if room and not self.backlog.empty else None

    def _settle(self, answers: Sequence[Answer]) -> None:
        """Write the answers down. What the ESP said must not be lost: a database that went away is waited for."""
        settlements = [settlement(answer) for answer in answers]
        deadline = self.outside.clock() + timedelta(seconds=self.patience.settle_for)
        for failures in count(1):
            try:
                self.ledger.settle(settlements, at=self.outside.clock())
            except UnavailableError:
                if self.given_up or self.outside.clock() >= deadline:
                    self.given_up = True
                    raise
                self.outside.sleep(self.patience.delay(failures, self.outside.rng))
            else:
                return

    def _hear(self, flight: _Flight, answers: Sequence[Answer]) -> None:
        now = self.outside.clock()
        self.line.hear(flight.round, answers, retried=flight.retried, now=now)
        self.pacing.hear(answers, now)
        letters = {letter.message_id: letter for letter in flight.letters}
        for answer in answers:
            if isinstance(answer, Retry):
                self._defer(letters[answer.message_id], answer, now)
            else:
                self.attempts.pop(answer.message_id, None)
                self.tally[_NAMES[type(answer)]] += 1

    def _defer(self, letter: Letter, answer: Retry, now: datetime) -> None:
        """Bring the letter back later; only what was about this very letter counts as an attempt."""
        if answer.cause is not Cause.MESSAGE:
            self.backlog.defer(letter, now)
            return
        self.attempts[letter.message_id] += 1
        attempts = self.attempts[letter.message_id]
        if attempts >= self.patience.attempts:
            del self.attempts[letter.message_id]
            self.tally["deferred"] += 1
        else:
            wait_for = self.patience.delay(attempts, self.outside.rng, at_least=answer.after or 0.0)
            self.backlog.defer(letter, now + timedelta(seconds=wait_for))

    def _rest(self) -> None:
        """Nothing is on its way: wait for the line to open, leave to go, or a letter to be due, but look up often."""
        self._obey()
        if wakes := self._wakes():
            self.outside.sleep(min(wakes))

    def _wakes(self) -> list[float]:
        """Seconds until something may have changed, a nap at most each."""
        now = self.outside.clock()
        instants = (self.line.opens_at, self.backlog.next_due, self.pacing.opens_at)
        return [min(_NAP, (at - now).total_seconds()) for at in instants if at is not None and at > now]


_NAMES: dict[type[Accepted | Rejected | Unknown], str] = {Accepted: "accepted", Rejected: "rejected", Unknown: "unknown"}


def _request(letter: Letter, shard: int) -> ClaimRequest:
    return ClaimRequest(
        message_id=letter.message_id,
        send_id=letter.send_id,
        recipient_id=letter.recipient_id,
        shard=shard,
        address=letter.address,
        payload_hash=letter.payload_hash,
        body_hash=letter.body_hash,
    )
