"""How one hand-off keeps to the pace: asks before every claim, tells what the ESP answered, and waits for a Redis that went away."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from delivery.answers import Accepted, Answer, Cause, Retry
from delivery.backoff import Patience
from delivery.pace import Pace
from domain.errors import UnavailableError

_SHORTEST = 0.001  # seconds between two questions: datetimes round what is much less to nothing


@dataclass(slots=True)
class Pacing:
    """The pace as one hand-off sees it. `opens_at`: when to ask it again."""

    pace: Pace
    patience: Patience
    rng: Random
    opens_at: datetime | None = None
    failures: int = 0
    silent_since: datetime | None = None

    def leave(self, wanted: int, now: datetime) -> int:
        """How many letters may go now; 0: ask again at `opens_at`.

        Raises UnavailableError when the pace cannot be asked for `settle_for` seconds: as long as a database is waited for.
        """
        if self.opens_at and now < self.opens_at:
            return 0
        try:
            leave = self.pace.take(wanted, at=now)
        except UnavailableError:
            if not self._can_wait(now):
                raise
            return 0
        self.failures, self.silent_since = 0, None
        self.opens_at = None if leave.messages else now + timedelta(seconds=max(leave.wait, _SHORTEST))
        return leave.messages

    def unused(self, messages: int, now: datetime) -> None:
        """So many were let go and did not leave."""
        if messages:
            self._tell(lambda: self.pace.give_back(messages, at=now))

    def hear(self, answers: Sequence[Answer], now: datetime) -> None:
        """Take in a batch's answers: what was taken, and whether we are too fast."""
        if taken := sum(isinstance(answer, Accepted) for answer in answers):
            self._tell(lambda: self.pace.flowed(taken, at=now))
        throttled = [answer for answer in answers if isinstance(answer, Retry) and answer.cause is Cause.THROTTLED]
        if throttled:
            after = max((answer.after for answer in throttled if answer.after is not None), default=None)
            self._tell(lambda: self.pace.slow_down(after, at=now))

    def _can_wait(self, now: datetime) -> bool:
        """Whether it is worth asking once more, later; when is noted."""
        self.silent_since = self.silent_since or now
        self.failures += 1
        self.opens_at = now + timedelta(seconds=self.patience.delay(self.failures, self.rng))
        return now - self.silent_since < timedelta(seconds=self.patience.settle_for)

    def _tell(self, telling: Callable[[], object]) -> None:
        """What it learns too late makes it no less safe, and the next `leave` finds out that it is gone."""
        with suppress(UnavailableError):
            telling()
