"""Watches how fast placements are answered: tells it every ten seconds, and raises an alarm when it gets too slow."""

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from domain.errors import UnavailableError
from domain.serving import ServedLatency
from web.parts import ServingFigures
from web.placement_figures import WINDOW_S, PlacementFigures, percentile

_log = logging.getLogger(__name__)
_PAUSE_S = 10.0
_ENOUGH = 1_000  # requests within the window below which a 99th percentile is a handful of them
_RECOVERED = 0.8  # of what is allowed: an alarm does not flutter


@dataclass(slots=True)
class LatencyWatch:
    """The watch of one process. `allowed_ms`: the 99th percentile above which there is an alarm; 0: none."""

    figures: PlacementFigures
    told_to: ServingFigures
    allowed_ms: float
    clock: Callable[[], datetime]
    alarmed: bool = False
    _task: "asyncio.Task[None] | None" = None
    _name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")

    def start(self) -> None:
        """Watch in the background."""
        self._task = asyncio.create_task(self._watch())

    def close(self) -> None:
        """Watch no more."""
        if self._task is not None:
            self._task.cancel()

    async def look(self) -> ServedLatency | None:
        """Look once: tell what is seen, and judge it. None while nobody has asked for placements."""
        counts = self.figures.lately()
        late = percentile(counts, 0.99)
        if late is None:
            return None
        defaults = sum(self.figures.defaults.values())
        seen = ServedLatency(self._name, self.clock(), WINDOW_S / 60, sum(counts), late * 1_000, defaults)
        self._judge(seen)
        try:
            await asyncio.to_thread(self.told_to.tell, seen)
        except UnavailableError as error:
            _log.info("how fast placements are answered could not be told: %s", error)
        return seen

    def _judge(self, seen: ServedLatency) -> None:
        if not self.allowed_ms or seen.requests < _ENOUGH:
            return
        if seen.p99_ms > self.allowed_ms and not self.alarmed:
            self.alarmed = True
            _log.warning(
                "placements are slow: p99 %.1f ms over %g minutes and %d requests; %g ms are allowed (serving_p99_ms)",
                seen.p99_ms, seen.minutes, seen.requests, self.allowed_ms,
            )  # fmt: skip
        elif self.alarmed and seen.p99_ms <= _RECOVERED * self.allowed_ms:
            self.alarmed = False
            _log.warning("placements are fast again: p99 %.1f ms", seen.p99_ms)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_PAUSE_S)
            await self.look()
