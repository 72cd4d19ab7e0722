"""Timing that survives a noisy machine: what is compared runs in turns within one run, and medians are told."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median

Contestant = Callable[[int], float]
"""Does its work for one round and returns the seconds that count: preparing and tidying up stay out of them."""


def in_turns(contestants: Mapping[str, Contestant], rounds: int) -> dict[str, float]:
    """Median seconds of each, all of them in every round, so that a slow minute of the machine hits them alike."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds):
        for name, run in contestants.items():
            taken[name].append(run(number))
    return {name: median(seconds) for name, seconds in taken.items()}


def seconds_of(work: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@dataclass(slots=True)
class Stopwatch:
    """Seconds by the name of what was timed, in the order in which it was."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timing(self, name: str) -> Iterator[None]:
        """Add what the block takes to `name`."""
        began = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began
