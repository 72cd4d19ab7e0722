"""The decision store (Redis): the only thing the serving path reads. Its layout is known in this file alone.

One hash per placement and bucket of recipients (measured: a fifth of the memory and twenty times the writes of a key per
recipient): key `decisions:<placement>:<bucket>`, field the recipient, value `<expiry>|<send>|<variant>,<variant>`, expiry in
whole seconds since 1970. A hash lives as long as its longest-lived entry; staleness is enforced on read, per entry.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from domain.decision import PublishedDecision
from domain.errors import InputError, UnavailableError
from domain.hashing import bucket_of
from domain.ids import PlacementId, RecipientId, SendId, VariantId
from storage.database import batches

PIPELINE = 1_000  # commands per pipeline: larger ones delay readers (FACTS §5)
READ_BUDGET = timedelta(milliseconds=50)
WRITE_BUDGET = timedelta(seconds=10)

Published = tuple[RecipientId, PlacementId, Sequence[VariantId], SendId]


class DecisionStore:
    """The published decisions of one Redis server."""

    def __init__(self, url: str, *, read_budget: timedelta = READ_BUDGET) -> None:
        self._place = _without_password(url)
        self._writer = _client(url, WRITE_BUDGET)
        self._reader = _client(url, read_budget)

    def check(self) -> None:
        """Raise UnavailableError unless the server answers."""
        try:
            self._writer.ping()
        except (RedisError, OSError) as error:
            raise self._unavailable(error) from None

    def publish(self, rows: Iterable[Published], ttl: timedelta, at: datetime) -> int:
        """Publish decisions, in place of those of the same recipient and placement. Returns how many."""
        expires_at = int((at + ttl).timestamp())
        count = 0
        for batch in batches(iter(rows), PIPELINE * 10):
            self._write(_grouped(batch, expires_at), expires_at)
            count += len(batch)
        return count

    def get(self, recipient_id: RecipientId, placement: PlacementId, at: datetime, default: Sequence[VariantId]) -> PublishedDecision:
        """The decision for one recipient and placement; the default if it is missing, stale or cannot be read in time."""
        try:
            value = self._reader.hget(_key(placement, bucket_of(recipient_id)), recipient_id)
        except (RedisError, OSError):
            value = None
        return _parsed(placement, value, at, default)

    def many(
        self, recipient_id: RecipientId, defaults: Mapping[PlacementId, Sequence[VariantId]], at: datetime
    ) -> dict[PlacementId, PublishedDecision]:
        """`get` for several placements in one round trip."""
        bucket = bucket_of(recipient_id)
        pipeline = self._reader.pipeline(transaction=False)
        for placement in defaults:
            pipeline.hget(_key(placement, bucket), recipient_id)
        try:
            values = pipeline.execute(raise_on_error=False)
        except (RedisError, OSError):
            values = [None] * len(defaults)
        return {
            placement: _parsed(placement, value, at, default) for (placement, default), value in zip(defaults.items(), values, strict=True)
        }

    def close(self) -> None:
        """Close the connections."""
        self._reader.close()
        self._writer.close()

    def _write(self, hashes: Mapping[str, dict[Any, Any]], expires_at: int) -> None:
        """Two commands per hash. GT never shortens the life of entries that others published into the same hash."""
        try:
            for keys in batches(list(hashes), PIPELINE // 3):
                pipeline = self._writer.pipeline(transaction=False)
                for key in keys:
                    pipeline.hset(key, mapping=hashes[key])
                    pipeline.expireat(key, expires_at, nx=True)
                    pipeline.expireat(key, expires_at, gt=True)
                pipeline.execute()
        except (RedisError, OSError) as error:
            raise self._unavailable(error) from None

    def _unavailable(self, error: Exception) -> UnavailableError:
        return UnavailableError(
            f"the decision store does not answer: {type(error).__name__}", where=self._place, hint="see `letterpress up`"
        )


def _client(url: str, budget: timedelta) -> redis.Redis:
    seconds = budget.total_seconds()
    try:
        return redis.Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds, retry=Retry(NoBackoff(), 1))
    except ValueError:
        raise InputError("not a Redis URL", hint="such as redis://host:6379/0 or unix:///path/to/redis.sock") from None


def _grouped(rows: Iterable[Published], expires_at: int) -> dict[str, dict[Any, Any]]:
    hashes: dict[str, dict[Any, Any]] = {}
    for recipient, placement, variants, send in rows:
        hashes.setdefault(_key(placement, bucket_of(recipient)), {})[recipient] = f"{expires_at}|{send}|{','.join(variants)}"
    return hashes


def _key(placement: PlacementId, bucket: int) -> str:
    return f"decisions:{placement}:{bucket}"


def _parsed(placement: PlacementId, value: object, at: datetime, default: Sequence[VariantId]) -> PublishedDecision:
    with suppress(ValueError, OverflowError, OSError):  # what nobody can read is as good as missing
        expiry, send, variants = value.decode().split("|", 2) if isinstance(value, bytes) else ("0", "", "")
        expires_at = datetime.fromtimestamp(int(expiry), UTC)
        if at < expires_at:
            return PublishedDecision(placement, tuple(map(VariantId, variants.split(","))), SendId(send), False, expires_at)
    return PublishedDecision(placement, tuple(default), None, True, None)


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
