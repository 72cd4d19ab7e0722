"""How fast pages are answered, as each process of `letterpress serve` last told: read by the gates of rollouts, kept for a while."""

from datetime import datetime, timedelta

import orjson

from domain.serving import ServedLatency
from storage.redis_client import answering, client_of

_PREFIX, _ALARM = "serving:", "serving-alarm"
_KEPT = timedelta(minutes=15)
_BUDGET = timedelta(seconds=1)
_SILENT = "the decision store does not answer"


class ServingFigures:
    """The figures in one Redis server."""

    def __init__(self, url: str) -> None:
        self._client = client_of(url, _BUDGET)

    def tell(self, latency: ServedLatency) -> None:
        """Keep what a process measured. Raises UnavailableError."""
        with answering(_SILENT):
            self._client.set(_PREFIX + latency.process, orjson.dumps(latency, option=orjson.OPT_UTC_Z), ex=_KEPT)

    def all(self) -> list[ServedLatency]:
        """What the processes told within the last quarter of an hour. Raises UnavailableError."""
        with answering(_SILENT):
            keys = list(self._client.scan_iter(match=_PREFIX + "*", count=1_000))
            values = [self._client.get(key) for key in keys]
        return [_read(value) for value in values if isinstance(value, bytes)]

    def worst(self) -> ServedLatency | None:
        """The slowest of the processes that had enough requests for a 99th percentile to mean something; None where none had."""
        return max((one for one in self.all() if one.requests >= ENOUGH), key=lambda one: one.p99_ms, default=None)

    def may_alarm(self, pause: timedelta) -> bool:
        """Whether nobody has said so for as long; who asks is taken to raise an alarm now. Raises UnavailableError."""
        with answering(_SILENT):
            return bool(self._client.set(_ALARM, b"1", ex=pause, nx=True))


ENOUGH = 1_000
"""Requests within the window below which a 99th percentile is a handful of them."""


def _read(value: bytes) -> ServedLatency:
    told = orjson.loads(value)
    return ServedLatency(**{**told, "at": datetime.fromisoformat(told["at"])})
