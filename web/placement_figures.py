"""What requests for placements cost and came to, counted with a few additions each: they come too often for more."""

import time
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from domain.serving import Circuit

BOUNDS_MS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 50.0, 100.0, 250.0, 1000.0)
WINDOW_S, _SLICE_S = 300.0, 10.0
_BOUNDS = tuple(bound / 1_000 for bound in BOUNDS_MS)


def percentile(counts: Sequence[int], share: float) -> float | None:
    """Seconds below which this share of the observations is: by straight lines within buckets. None without any.

    `counts`: by bucket of BOUNDS_MS; the last one, of what took longer than all bounds, is taken for its lower bound.
    """
    wanted = share * sum(counts)
    if not wanted:
        return None
    below = 0.0
    for count, low, high in zip(counts, (0.0, *_BOUNDS), (*_BOUNDS, _BOUNDS[-1]), strict=True):
        if count and below + count >= wanted:
            return low + (high - low) * (wanted - below) / count
        below += count
    return _BOUNDS[-1]


@dataclass(slots=True)
class PlacementFigures:
    """The figures of one process since its start, and of the last five minutes. Lives in one event loop."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(_BOUNDS) + 1))
    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    defaults: Counter[str] = field(default_factory=Counter)
    _slice: list[int] = field(default_factory=lambda: [0] * (len(_BOUNDS) + 1))
    _began: float = field(default_factory=time.perf_counter)
    _slices: deque[list[int]] = field(default_factory=lambda: deque(maxlen=int(WINDOW_S / _SLICE_S)))

    def answered(self, status: int, took: float, at: float) -> None:
        """Count an answer. `at`: of the same clock as `time.perf_counter`."""
        bucket = bisect_left(_BOUNDS, took)
        if at - self._began >= _SLICE_S:
            self._turn(at)
        self.counts[bucket] += 1
        self._slice[bucket] += 1
        self.seconds += took
        self.statuses[status] += 1

    def lately(self, at: float | None = None) -> list[int]:
        """Counts by bucket, of the last five minutes."""
        self._turn(time.perf_counter() if at is None else at)
        return [sum(bucket) for bucket in zip(self._slice, *self._slices, strict=True)]

    def _turn(self, at: float) -> None:
        """Begin a new slice for every ten seconds that have passed."""
        for _ in range(min(int((at - self._began) / _SLICE_S), 1 + int(WINDOW_S / _SLICE_S))):
            self._slices.append(self._slice)
            self._slice = [0] * len(self._slice)
            self._began += _SLICE_S
        if at - self._began >= _SLICE_S:
            self._began = at


class PlacementCollector(Collector):
    """The figures as Prometheus reads them."""

    def __init__(self, figures: PlacementFigures, circuit: Callable[[], Circuit]) -> None:
        self._figures, self._circuit = figures, circuit

    def describe(self) -> list[Metric]:
        """Nothing: registering must not ask anybody."""
        return []

    def collect(self) -> Iterator[Metric]:
        """A histogram, counters, and how things stand."""
        figures = self._figures
        bounds = [*(f"{bound:g}" for bound in _BOUNDS), "+Inf"]
        buckets = list(zip(bounds, map(float, accumulate(figures.counts)), strict=True))
        yield HistogramMetricFamily("letterpress_placements_seconds", "Time to answer for placements", buckets, figures.seconds)
        answers = CounterMetricFamily("letterpress_placements", "Answers for placements", labels=["status"])
        for status, count in sorted(figures.statuses.items()):
            answers.add_metric([str(status)], count)
        yield answers
        defaults = CounterMetricFamily("letterpress_placement_defaults", "Defaults shown in placements, and why", labels=["reason"])
        for reason, count in sorted(figures.defaults.items()):
            defaults.add_metric([reason], count)
        yield defaults
        late = percentile(figures.lately(), 0.99)
        yield GaugeMetricFamily("letterpress_placements_p99_seconds", "99th percentile of the last five minutes", late or 0.0)
        stands = "Breaker before the decision store: 0 closed, 1 half open, 2 open"
        yield GaugeMetricFamily("letterpress_decision_breaker", stands, float(self._circuit()))
