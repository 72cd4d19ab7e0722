"""The decision store (Redis): the only thing the serving path reads. Its layout is known in this file alone.

One hash per placement and bucket of recipients (measured: a fifth of the memory and twenty times the writes of a key per
recipient): key `decisions:<placement>:<bucket>`, field the recipient, value `<expiry>|<send>|<variant>,<variant>`, expiry in
whole seconds since 1970. A hash lives as long as its longest-lived entry; staleness is enforced on read, per entry.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from redis.exceptions import RedisError

from domain.decision import PublishedDecision
from domain.errors import UnavailableError
from domain.hashing import bucket_of
from domain.ids import PlacementId, RecipientId, SendId, VariantId
from storage.database import batches
from storage.redis_client import client_of, place_of

PIPELINE = 1_000  # commands per pipeline: larger ones delay readers (FACTS §5)
READ_BUDGET = timedelta(milliseconds=50)
WRITE_BUDGET = timedelta(seconds=10)
REWRITE_PATIENCE = timedelta(minutes=5)  # for the server to write its append-only file anew

Published = tuple[RecipientId, PlacementId, Sequence[VariantId], SendId]


class DecisionStore:
    """The published decisions of one Redis server."""

    def __init__(self, url: str, *, read_budget: timedelta = READ_BUDGET) -> None:
        self._place = place_of(url)
        self._writer = client_of(url, WRITE_BUDGET)
        self._reader = client_of(url, read_budget)

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

    def replace(self, rows: Iterable[Published], ttl: timedelta, at: datetime) -> int:
        """Publish decisions in place of those of the same send alone: what another send has published since stays. Returns how many."""
        expires_at = int((at + ttl).timestamp())
        count = 0
        for batch in batches(iter(rows), PIPELINE):
            held = self._sends_of([(_key(placement, bucket_of(who)), who) for who, placement, _, _ in batch])
            still = [row for row, send in zip(batch, held, strict=True) if send == row[3]]
            self._write(_grouped(still, expires_at), expires_at)
            count += len(still)
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

    def held(self, recipient_id: RecipientId) -> dict[str, str]:
        """What is published for a recipient: key → value as it is stored."""
        return {key: value.decode() for key, value in self._entries(recipient_id).items()}

    def forget(self, recipient_id: RecipientId) -> int:
        """Remove what is published for a recipient, from the server's append-only file too. Returns how many placements that were."""
        try:
            found = self._entries(recipient_id)
            for key in found:
                self._writer.hdel(key, recipient_id)
            if found:
                self._rewrite_log()
        except (RedisError, OSError) as error:
            raise self._unavailable(error) from None
        return len(found)

    def _entries(self, recipient_id: RecipientId) -> dict[str, bytes]:
        try:
            keys = list(self._writer.scan_iter(match=_key(PlacementId("*"), bucket_of(recipient_id)), count=PIPELINE))
            found = ((key, self._writer.hget(key, recipient_id)) for key in keys)
            return {key.decode(): value for key, value in found if isinstance(value, bytes)}
        except (RedisError, OSError) as error:
            raise self._unavailable(error) from None

    def _rewrite_log(self) -> None:
        """The server's file remembers every command ever given until it is written anew; servers that keep none have nothing to do."""
        if not self._writer.info("persistence").get("aof_enabled"):
            return
        self._await_log()  # one that is under way began before
        self._writer.bgrewriteaof()
        self._await_log()

    def _await_log(self) -> None:
        deadline = time.monotonic() + REWRITE_PATIENCE.total_seconds()
        while time.monotonic() < deadline:
            said = self._writer.info("persistence")
            if not said.get("aof_rewrite_in_progress") and not said.get("aof_rewrite_scheduled"):
                return
            time.sleep(0.05)
        raise UnavailableError("the decision store does not finish writing its file anew", where=self._place)

    def close(self) -> None:
        """Close the connections."""
        self._reader.close()
        self._writer.close()

    def _sends_of(self, fields: Sequence[tuple[str, str]]) -> list[str]:
        """Which send's the entry of each key and field is; empty where there is none."""
        try:
            pipeline = self._writer.pipeline(transaction=False)
            for key, field in fields:
                pipeline.hget(key, field)
            return [value.decode().split("|", 2)[1] if isinstance(value, bytes) else "" for value in pipeline.execute()]
        except (RedisError, OSError) as error:
            raise self._unavailable(error) from None

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
