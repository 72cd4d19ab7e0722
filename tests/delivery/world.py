"""The world around a hand-off: a clock that only moves when somebody sleeps, and an ESP that answers as it is told."""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from delivery.answers import Accepted, Answer
from delivery.backlog import Printed
from delivery.backoff import Patience
from delivery.esp.port import Call, Esp, Habits, one_by_one
from delivery.handoff import HandOffCounts, hand_off
from delivery.ledger import Ledger
from delivery.pace import Pace, Unpaced
from domain.ids import MessageId
from domain.message import Letter
from domain.send import SendStatus

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


@dataclass
class Time:
    """Begins at AT. Sleeping moves it; nothing else does."""

    now: datetime = AT
    slept: list[float] = field(default_factory=list)

    def clock(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


@dataclass
class ToldEsp:
    """Answers each letter by `answer`; remembers whom it took, and the most batches that were with it at once."""

    answer: Callable[[Letter], Answer] = lambda letter: Accepted(letter.message_id)
    max_batch: int = 1_000
    name: str = "told"
    taken: list[str] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    with_it: int = 0
    most_with_it: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    habits: Habits = Habits(batch=50, connections=4)  # noqa: RUF009 - frozen
    remembers: timedelta | None = None
    can_be_asked: bool = True
    proofs: Callable[[Sequence[MessageId]], Iterable[Answer]] = lambda _ids: ()

    def check(self) -> None:
        """Always there."""

    def calls(self, letters: Sequence[Letter]) -> Sequence[Call]:
        return one_by_one(letters)

    def repeat(self, call: Call) -> Sequence[Answer]:
        return list(self.hand_off(call))

    def hand_off(self, batch: Sequence[Letter]) -> Iterable[Answer]:
        with self.lock:
            self.batches.append(len(batch))
            self.with_it += 1
            self.most_with_it = max(self.most_with_it, self.with_it)
        try:
            for letter in batch:
                answer = self.answer(letter)
                if isinstance(answer, Accepted):
                    self.taken.append(letter.recipient_id)
                yield answer
        finally:
            with self.lock:
                self.with_it -= 1

    def evidence(self, message_ids: Sequence[MessageId]) -> Iterable[Answer]:
        return self.proofs(message_ids)

    def close(self) -> None:
        """Nothing to close."""


def run(
    letters: Iterable[Printed],
    esp: Esp,
    ledger: Ledger,
    *,
    run_id: str = "run-1",
    time: Time | None = None,
    control: Callable[[], SendStatus] = lambda: SendStatus.RUNNING,
    concurrency: int = 2,
    batch_size: int = 5,
    pace: Pace = Unpaced(),  # noqa: B008 - has no state
    patience: Patience = Patience(),  # noqa: B008 - frozen
    progress: Callable[[HandOffCounts], object] = lambda _counts: None,
) -> HandOffCounts:
    """A hand-off in this world."""
    time = time or Time()
    return hand_off(
        iter(letters),
        esp,
        ledger,
        run_id=run_id,
        shard=0,
        clock=time.clock,
        sleep=time.sleep,
        rng=Random(7),
        control=control,
        concurrency=concurrency,
        batch_size=batch_size,
        pace=pace,
        patience=patience,
        progress=progress,
    )
