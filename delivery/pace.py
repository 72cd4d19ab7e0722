"""The pace: how many letters may leave now. Token buckets whose rate falls by a factor when the ESP throttles, and rises by steps.

Additive increase, multiplicative decrease: Chiu & Jain, "Analysis of the increase and decrease algorithms for congestion avoidance"
(1989). The step is a twentieth of the best throughput seen, per second of flow, so that it fits a sandbox's 1/s and a relay's 5,000/s.
"""

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from domain.pace import DECREASE, FLOOR, HOLD, IDLE, LEAST_AGE, LONGEST_WAIT, MEMORY, PAST, RAMP, STEEPEST, UNSEEN, Allowance, Leave

_ROUNDING = 1e-9


class Pace(Protocol):
    """What is asked before every claim. `storage/pace.py` shares it between processes; then its methods raise UnavailableError."""

    def take(self, messages: int, *, at: datetime) -> Leave:
        """Leave for at most so many (1 or more) to go now."""
        ...

    def give_back(self, messages: int, *, at: datetime) -> object:
        """So many were let go and did not leave."""
        ...

    def slow_down(self, after: float | None, *, at: datetime) -> object:
        """The ESP throttles; nobody should ask again before `after` seconds, if it says so."""
        ...

    def flowed(self, messages: int, *, at: datetime) -> object:
        """The ESP took so many."""
        ...


@dataclass(frozen=True, slots=True)
class Bucket:
    """The state of a pace at an instant `at` (seconds of any one clock). Pure: what happens to it is another one.

    `rate`: units per second, inf while there is no limit. `best`: the best throughput observed, per second, fading. `flow`: what was taken
    lately, fading with time constant MEMORY; `since`: when observing began, 0 if it has not.
    """

    allowance: Allowance
    at: float
    rate: float
    tokens: float
    not_before: float = 0.0
    slowed_at: float = 0.0
    best: float = 0.0
    flow: float = 0.0
    since: float = 0.0

    @staticmethod
    def new(allowance: Allowance, at: float) -> "Bucket":
        """As it is before anything was asked: a helping is in it."""
        rate = math.inf if allowance.ceiling is None else allowance.ceiling
        bucket = Bucket(allowance, at, rate, 0.0)
        return bucket if rate == math.inf else replace(bucket, tokens=bucket.helping)

    @property
    def helping(self) -> float:
        """What goes at once where more is wanted: claims of one letter each would cost more than they pace."""
        return max(1.0, math.floor(self.rate * self.allowance.span + _ROUNDING))

    def until(self, at: float) -> "Bucket":
        """Later: tokens have come in, up to two helpings, so that who asks a little late loses none. A clock set back changes nothing."""
        elapsed = max(0.0, at - self.at)
        fading = math.exp(-elapsed / MEMORY), math.exp(-elapsed / PAST)
        later = replace(self, at=max(at, self.at), flow=self.flow * fading[0], best=self.best * fading[1])
        if elapsed > IDLE:
            later = replace(later, flow=0.0, since=0.0)
        if self.rate == math.inf:
            return later
        return replace(later, tokens=min(2 * self.helping, self.tokens + elapsed * self.rate))

    def take(self, wanted: int, at: float) -> "tuple[Bucket, Leave]":
        """See Pace.take."""
        now = self.until(at)
        now = replace(now, since=now.since or now.at)
        if now.at < now.not_before:
            return now, Leave(0, now.not_before - now.at)
        if now.rate == math.inf:
            return now, Leave(wanted)
        needed = min(wanted, now.helping)
        if now.tokens + _ROUNDING < needed:
            return now, Leave(0, (needed - now.tokens) / now.rate)
        granted = min(wanted, math.floor(now.tokens + _ROUNDING))
        return replace(now, tokens=now.tokens - granted), Leave(granted)

    def give_back(self, messages: int, at: float) -> "Bucket":
        """See Pace.give_back."""
        now = self.until(at)
        return now if now.rate == math.inf else replace(now, tokens=min(2 * now.helping, now.tokens + messages))

    def slow_down(self, after: float | None, at: float) -> "Bucket":
        """See Pace.slow_down. Within HOLD seconds of the last time only the wish to wait counts."""
        if not self.allowance.adapts:
            return self
        now = self.until(at)
        now = replace(now, not_before=max(now.not_before, now.at + min(after or 0.0, LONGEST_WAIT)))
        if now.slowed_at and now.at - now.slowed_at < HOLD:
            return now
        fast = max(now.observed, UNSEEN) if now.rate == math.inf else now.rate
        tokens = 0.0 if now.rate == math.inf else now.tokens
        slower = replace(now, rate=max(now.floor, fast * DECREASE), slowed_at=now.at, tokens=tokens)
        return replace(slower, tokens=min(slower.tokens, 2 * slower.helping))

    def flowed(self, messages: int, at: float) -> "Bucket":
        """See Pace.flowed. One report never gains more than a second of flow does."""
        now = self.until(at)
        now = replace(now, flow=now.flow + messages, since=now.since or now.at)
        now = replace(now, best=max(now.best, now.observed))
        if now.rate == math.inf:
            return now
        gained = min(1.0, messages / now.rate) * min(max(now.best, now.rate) / RAMP, now.rate / STEEPEST)
        return replace(now, rate=min(now.ceiling, now.rate + gained))

    @property
    def observed(self) -> float:
        """Units per second taken lately."""
        age = max(self.at - self.since, LEAST_AGE)
        return self.flow / (MEMORY * (1.0 - math.exp(-age / MEMORY)))

    @property
    def ceiling(self) -> float:
        """What is never exceeded."""
        return math.inf if self.allowance.ceiling is None else self.allowance.ceiling

    @property
    def floor(self) -> float:
        """What is always tried."""
        return min(FLOOR, self.ceiling / 10)


class LocalPace:
    """A pace within this process, for several threads."""

    def __init__(self, allowance: Allowance, *, at: datetime) -> None:
        self._bucket = Bucket.new(allowance, at.timestamp())
        self._lock = threading.Lock()

    def take(self, messages: int, *, at: datetime) -> Leave:
        """See Pace."""
        with self._lock:
            self._bucket, leave = self._bucket.take(messages, at.timestamp())
        return leave

    def give_back(self, messages: int, *, at: datetime) -> None:
        """See Pace."""
        with self._lock:
            self._bucket = self._bucket.give_back(messages, at.timestamp())

    def slow_down(self, after: float | None, *, at: datetime) -> None:
        """See Pace."""
        with self._lock:
            self._bucket = self._bucket.slow_down(after, at.timestamp())

    def flowed(self, messages: int, *, at: datetime) -> None:
        """See Pace."""
        with self._lock:
            self._bucket = self._bucket.flowed(messages, at.timestamp())


class Unpaced:
    """No limit at all: for folders, which nobody throttles."""

    def take(self, messages: int, *, at: datetime) -> Leave:  # noqa: ARG002 - the port's
        """All of them."""
        return Leave(messages)

    def give_back(self, messages: int, *, at: datetime) -> None:
        """Nothing was taken."""

    def slow_down(self, after: float | None, *, at: datetime) -> None:
        """Nobody asks."""

    def flowed(self, messages: int, *, at: datetime) -> None:
        """Nothing is learned."""


class Strictest:
    """Several paces at once: what all of them allow. What one refuses is given back to those that were asked before it."""

    def __init__(self, paces: Sequence[Pace]) -> None:
        self._paces = tuple(paces)

    def take(self, messages: int, *, at: datetime) -> Leave:
        """See Pace."""
        granted = messages
        for place, pace in enumerate(self._paces):
            leave = pace.take(granted, at=at)
            if refused := granted - leave.messages:
                for asked in self._paces[:place]:
                    asked.give_back(refused, at=at)
            granted = leave.messages
            if not granted:
                return leave
        return Leave(granted)

    def give_back(self, messages: int, *, at: datetime) -> None:
        """See Pace."""
        for pace in self._paces:
            pace.give_back(messages, at=at)

    def slow_down(self, after: float | None, *, at: datetime) -> None:
        """See Pace."""
        for pace in self._paces:
            pace.slow_down(after, at=at)

    def flowed(self, messages: int, *, at: datetime) -> None:
        """See Pace."""
        for pace in self._paces:
            pace.flowed(messages, at=at)


class ByCall:
    """A pace of calls, where an ESP counts those: whoever is let go makes one, with as many letters as it takes.

    To be asked last: a call that was let go and not made is lost, which costs its place and nothing else.
    """

    def __init__(self, calls: Pace) -> None:
        self._calls = calls

    def take(self, messages: int, *, at: datetime) -> Leave:
        """See Pace."""
        leave = self._calls.take(1, at=at)
        return Leave(messages) if leave.messages else leave

    def give_back(self, messages: int, *, at: datetime) -> None:
        """Part of a call is no call."""

    def slow_down(self, after: float | None, *, at: datetime) -> None:
        """See Pace."""
        self._calls.slow_down(after, at=at)

    def flowed(self, messages: int, *, at: datetime) -> None:  # noqa: ARG002 - the port's
        """One call was taken."""
        self._calls.flowed(1, at=at)
