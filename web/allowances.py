"""How many events a write key may bring: write keys stand in pages for all to see, and whoever has one must not fill the store.

Two buckets of tokens for each request: the key's, and the key's from its network (the /24 or /48). A bucket holds a minute's worth and
is filled evenly; a request is taken as long as anything is left, and may leave a debt, so that no batch is ever too large to be taken
at all. Networks that are nobody's in particular, such as that of a proxy of our own, have the key's bucket alone. Kept per process.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from domain.site_event import EventRates

_BURST_S = 60.0
_MOST_NETWORKS = 20_000  # whose buckets are kept; those that came longest ago are forgotten first, and are full by then
_PER_EVENT = 1_000  # bytes: a larger event counts as several


def cost_of(calls: int, size: int) -> float:
    """What a request takes from its buckets: one per call, or per started kilobyte if that is more."""
    return float(max(1, calls, math.ceil(size / _PER_EVENT)))


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


@dataclass(slots=True)
class Allowances:
    """The buckets of one process. Lives in one event loop, so it needs no lock."""

    rates: EventRates
    seconds: Callable[[], float] = time.monotonic
    _keys: dict[str, _Bucket] = field(default_factory=dict)
    _networks: OrderedDict[tuple[str, str], _Bucket] = field(default_factory=OrderedDict)

    def take(self, key: str, network: str | None, cost: float) -> int:
        """Take a request's tokens: 0 if it may come in, else the seconds after which it may be tried again."""
        at = self.seconds()
        asked = [(self._keys.setdefault(key, _Bucket(self.rates.per_key * _BURST_S, at)), self.rates.per_key)] if self.rates.per_key else []
        if network and self.rates.per_network:
            asked.append((self._of_network(key, network, at), self.rates.per_network))
        waits = [_wait(bucket, rate, at) for bucket, rate in asked]
        if wait := max(waits, default=0):
            return wait
        for bucket, _ in asked:
            bucket.tokens -= cost
        return 0

    def _of_network(self, key: str, network: str, at: float) -> _Bucket:
        bucket = self._networks.setdefault((key, network), _Bucket(self.rates.per_network * _BURST_S, at))
        self._networks.move_to_end((key, network))
        if len(self._networks) > _MOST_NETWORKS:
            self._networks.popitem(last=False)
        return bucket


def _wait(bucket: _Bucket, rate: int, at: float) -> int:
    """Fill a bucket up to now; the seconds until there is a token in it, 0 if there is one."""
    bucket.tokens = min(rate * _BURST_S, bucket.tokens + (at - bucket.at) * rate)
    bucket.at = at
    return 0 if bucket.tokens >= 1 else math.ceil((1 - bucket.tokens) / rate)
