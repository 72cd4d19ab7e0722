"""A consumer of signals: takes what is its share, reacts, writes down what it decided, and only then is done with a signal.

At least once: a signal is acknowledged after the decisions it led to are published and in the lake. Whatever dies before that leaves the
signal to whoever takes over the partition, within seconds. What cannot be dealt with, several times and for itself, is set aside.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.errors import InputError, LetterpressError, UnavailableError
from letterpress.reacting import Reactor
from storage.signals import Entry, SignalStreams

_log = logging.getLogger(__name__)

MOST_DELIVERIES = 5
_AT_ONCE = 400  # signals per round, about
_WAIT = timedelta(milliseconds=200)  # for the first signal of a round
_RENEWED = 0.4  # seconds after which leases are renewed: a quarter of what they hold
_LOG_AFTER, _LOG_AT = 5.0, 20_000  # seconds and decisions, after which what was decided goes to the lake
_PAUSE = 1.0


@dataclass(slots=True)
class Attended:
    """What was done so far. `recipients` counts each time that somebody's placements were decided again."""

    signals: int = 0
    recipients: int = 0
    rounds: int = 0
    taken_over: int = 0
    set_aside: int = 0


@dataclass(slots=True)
class _Mine:
    """What is in a consumer's hands: partitions, entries to try again one by one, and entries that wait for the lake."""

    partitions: frozenset[int] = frozenset()
    again: list[Entry] = field(default_factory=list)
    decided: list[Entry] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    renewed_at: float = float("-inf")
    logged_at: float = field(default_factory=time.monotonic)


class Attendant:
    """One consumer."""

    def __init__(self, name: str, streams: SignalStreams, reactor: Reactor, clock: Callable[[], datetime]) -> None:
        self._name, self._streams, self._reactor, self._clock = name, streams, reactor, clock
        self._mine = _Mine()
        self.done = Attended()

    def attend(self, go_on: Callable[[Attended], bool]) -> Attended:
        """React until `go_on` says no; then finish what is in hand and give the partitions back. While a store is away it waits."""
        while go_on(self.done):
            try:
                self._round()
            except UnavailableError as error:
                _log.warning("signals wait: %s", error)
                time.sleep(_PAUSE)
        self._finish()
        self._streams.leave(self._name, self._mine.partitions)
        return self.done

    def _round(self) -> None:
        mine = self._mine
        self._look_for_refresh()
        if time.monotonic() - mine.renewed_at > _RENEWED:
            self._renew()
        again, mine.again = mine.again, []
        self._deal(again)
        if entries := self._streams.read(self._name, mine.partitions, _AT_ONCE, _WAIT):
            self._deal(entries)
        if not mine.partitions:
            time.sleep(_WAIT.total_seconds())
        if (mine.decided or self._reactor.log) and (time.monotonic() - mine.logged_at > _LOG_AFTER or len(self._reactor.log) > _LOG_AT):
            self._finish()

    def _look_for_refresh(self) -> None:
        """A refresh that cannot be taken up leaves the one before in place."""
        try:
            self._reactor.look_for_refresh()
        except (InputError, OSError) as error:
            _log.warning("the latest refresh cannot be taken up: %s", error if isinstance(error, InputError) else type(error).__name__)

    def _renew(self) -> None:
        """Keep and take partitions; what others left unfinished in those that are new is ours to finish."""
        mine = self._mine
        if not mine.partitions:
            self._streams.join()
        mine.partitions, fresh = self._streams.lease(self._name, mine.partitions, self._clock())
        mine.renewed_at = time.monotonic()
        # Whose partition it is now decides again, and is done with a signal only when that is in the lake: it is not ours to finish.
        mine.again, mine.decided = ([entry for entry in held if entry.partition in mine.partitions] for held in (mine.again, mine.decided))
        for partition in sorted(fresh):
            left = self._streams.take_over(self._name, partition)
            self.done.taken_over += len(left)
            worn = [entry for entry in left if entry.deliveries > MOST_DELIVERIES]
            for entry in worn:
                self._set_aside(entry, f"taken {entry.deliveries} times, and never finished")
            self._deal([entry for entry in left if entry not in worn])

    def _deal(self, entries: Sequence[Entry]) -> None:
        """React to these; where that fails, to each for itself, so that one holds up no other."""
        readable = [entry for entry in entries if entry.signal]
        for entry in entries:
            if entry.signal is None:
                self._set_aside(entry, "not a signal")
        if not readable:
            return
        try:
            self._react(readable)
        except UnavailableError:
            self._mine.again += readable
            raise
        except Exception as error:  # whatever it is: one signal among them may be the reason
            if len(readable) > 1:
                for entry in readable:
                    self._deal([entry])
            else:
                self._failed(readable[0], error)

    def _react(self, entries: Sequence[Entry]) -> None:
        recipients = self._reactor.react([entry.signal for entry in entries if entry.signal])
        self.done.signals += len(entries)
        self.done.rounds += 1
        self.done.recipients += recipients
        if recipients or self._mine.decided:
            self._mine.decided += entries
        else:
            self._streams.finish(entries)
        self._forgive(entries)

    def _failed(self, entry: Entry, error: Exception) -> None:
        """Once more, unless it was often enough. What the error says may name somebody; its type does not."""
        reason = str(error) if isinstance(error, LetterpressError) else type(error).__name__
        self._mine.failures[entry.entry_id] += 1
        if entry.deliveries - 1 + self._mine.failures[entry.entry_id] >= MOST_DELIVERIES:
            self._set_aside(entry, f"failed {MOST_DELIVERIES} times, the last time with {reason}")
        else:
            _log.warning("a signal failed and is tried again: %s", type(error).__name__)
            self._mine.again.append(entry)

    def _set_aside(self, entry: Entry, reason: str) -> None:
        self._streams.set_aside(entry, reason, self._clock())
        self.done.set_aside += 1
        self._forgive([entry])

    def _forgive(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._mine.failures.pop(entry.entry_id, None)

    def _finish(self) -> None:
        """What was decided is in the lake, then its signals are done with."""
        self._reactor.write_log()
        self._streams.finish(self._mine.decided)
        self._mine.decided, self._mine.logged_at = [], time.monotonic()
