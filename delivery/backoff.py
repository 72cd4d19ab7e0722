"""When to try again, and when to stop trying: exponential back-off with full jitter, and the circuit breaker of the line to an ESP.

Full jitter as in Brooker, "Exponential Backoff and Jitter" (AWS Architecture Blog, 2015): a uniform draw below an
exponentially growing bound spreads clients out best.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from delivery.answers import Accepted, Answer, Cause, Rejected, Retry, Unknown

_MOST_DOUBLINGS = 30
_PROBE = 10  # letters to probe with while doubts are what comes back: each may be one more in doubt


@dataclass(frozen=True, slots=True)
class Patience:
    """How long hand-off goes on trying. Seconds throughout.

    `attempts` per letter and run; `rounds` in a row in which the ESP took nothing before it counts as unavailable, and
    `throttled` times as many while all it says is that we are too fast: whoever throttles is there, and storms pass;
    `rejections` in a row with one and the same reason before that reason is held to be about us and not about the recipients;
    `settle_for` is how long a database or Redis that went away is waited for, so that answers are not lost.
    """

    base: float = 1.0
    ceiling: float = 30.0
    attempts: int = 5
    rounds: int = 6
    throttled: int = 5
    rejections: int = 50
    settle_for: float = 120.0

    def delay(self, failures: int, rng: Random, *, at_least: float = 0.0) -> float:
        """Seconds to wait after the n-th failure (1, 2, …): `at_least` plus a draw from [0, min(ceiling, base·2^(n-1))]."""
        return at_least + rng.uniform(0.0, min(self.ceiling, self.base * 2.0 ** min(failures - 1, _MOST_DOUBLINGS)))


@dataclass(slots=True)
class Line:
    """The circuit breaker of the line to the ESP. Closed: batches flow. Open (`opens_at`): nothing is handed off until the wait is over.
    Half-open (`failures`): one batch at a time probes it, until one is taken or judged, which closes it, or `rounds` failed in a row.

    Rounds of doubts alone open it like rounds of refusals; then a probe is small, because each letter of it may be one more in doubt.

    A round is counted once, however many batches were on their way in it: each carries the `round` it was handed off in,
    and the answers of an earlier one that fail again say nothing new.
    """

    patience: Patience
    rng: Random
    round: int = 0
    failures: int = 0
    opens_at: datetime | None = None
    last_reason: str = ""
    _doubtful: bool = field(default=False, init=False)  # the last round left letters in doubt
    _throttled: bool = field(default=False, init=False)  # all rounds since the last success were asked to slow down, and nothing else
    _rejected_for: str = field(default="", init=False)
    _rejected: int = field(default=0, init=False)

    def width(self, concurrency: int) -> int:
        """How many batches may be on their way: one while it is not known whether the ESP takes any."""
        return 1 if self.failures else concurrency

    def most(self, size: int) -> int:
        """How many letters the next batch may have."""
        return min(size, _PROBE) if self._doubtful else size

    def waiting(self, now: datetime) -> bool:
        """Whether nothing should be handed off yet."""
        return self.opens_at is not None and now < self.opens_at

    def hear(self, round_: int, answers: Sequence[Answer], *, retried: bool, now: datetime) -> None:
        """Take in a batch's answers. `retried`: all its letters had been deferred on their own account before."""
        self._count_rejections(answers)
        refused = [answer for answer in answers if isinstance(answer, (Retry, Unknown))]
        if len(refused) < len(answers):
            self.failures, self._doubtful, asked = 0, False, _asked_to_wait(refused)
            self.opens_at = now + timedelta(seconds=asked) if asked else None
            return
        if round_ == self.round and refused and not (retried and _only_about_messages(refused)):
            self._fail(refused, now)

    def verdict(self) -> str | None:
        """Why the ESP is to be held unavailable; None while it is not."""
        if self.failures >= self.patience.rounds * (self.patience.throttled if self._throttled else 1):
            return f"it took nothing in {self.failures} rounds; the last answer: {self.last_reason}"
        if self._rejected >= self.patience.rejections:
            return f"it rejected {self._rejected} letters in a row for the same reason: {self._rejected_for}"
        return None

    def _fail(self, refused: Sequence[Retry | Unknown], now: datetime) -> None:
        throttled = all(isinstance(answer, Retry) and answer.cause is Cause.THROTTLED for answer in refused)
        self._throttled = throttled and (self._throttled or not self.failures)
        self._doubtful = any(isinstance(answer, Unknown) for answer in refused)
        self.round += 1
        self.failures += 1
        self.last_reason = refused[-1].reason
        self.opens_at = now + timedelta(seconds=self.patience.delay(self.failures, self.rng, at_least=_asked_to_wait(refused)))

    def _count_rejections(self, answers: Sequence[Answer]) -> None:
        for answer in answers:
            if isinstance(answer, Accepted):
                self._rejected, self._rejected_for = 0, ""
            elif isinstance(answer, Rejected):
                self._rejected = self._rejected + 1 if answer.reason == self._rejected_for else 1
                self._rejected_for = answer.reason


def _asked_to_wait(refused: Sequence[Retry | Unknown]) -> float:
    """Seconds for which the ESP asked us, and not just one letter, to wait."""
    asked = (answer.after or 0.0 for answer in refused if isinstance(answer, Retry) and answer.cause is not Cause.MESSAGE)
    return max(asked, default=0.0)


def _only_about_messages(refused: Sequence[Retry | Unknown]) -> bool:
    return all(isinstance(answer, Retry) and answer.cause is Cause.MESSAGE for answer in refused)
