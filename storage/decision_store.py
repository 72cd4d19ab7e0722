"""The decision store (Redis): the only thing the serving path reads. How it is packed into keys: `storage/decision_layout.py`.

Here are writers, and readers who may wait; whoever answers pages reads through `storage/decision_reader.py`. Staleness is enforced on
read, per entry: a hash lives as long as its longest-lived entry.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import hiredis
from redis.exceptions import RedisError

from domain.decision import PublishedDecision
from domain.ids import PlacementId, RecipientId, VariantId
from domain.serving import StoredDecision
from storage.database import batches
from storage.decision_layout import Entries, UnknownWordError, Words, campaign_of, key_of, place_of, unpacked, words_key_of
from storage.decision_words import campaigns_of, read_words
from storage.decision_writer import Published, gathered, publish_slates, readable, replace_slates
from storage.redis_client import answering, client_of, unavailable
from storage.redis_client import place_of as address_of
from storage.redis_log import rewrite_log
from storage.redis_wire import RedisPlace, Wire, joined, packed

READ_BUDGET = timedelta(milliseconds=50)
WRITE_BUDGET = timedelta(seconds=10)
_AT_ONCE = 300_000  # rows that are gathered before they are written
_SILENT = "the decision store does not answer"
_WORDS_HOLD = 60.0  # seconds: a server that lost its data gives codes anew


class DecisionStore:
    """The published decisions of one Redis server."""

    def __init__(self, url: str, *, read_budget: timedelta = READ_BUDGET) -> None:
        self._address, self._place = address_of(url), RedisPlace.of(url)
        self._writer = client_of(url, WRITE_BUDGET)
        self._reader = client_of(url, read_budget)
        self._words: dict[str, tuple[float, Words]] = {}

    def check(self) -> None:
        """Raise UnavailableError unless the server answers."""
        with answering(_SILENT, self._address):
            self._writer.ping()

    def publish(self, rows: Iterable[Published], ttl: timedelta, at: datetime) -> int:
        """Publish decisions, in place of those of the same recipient and placement. Returns how many."""
        expires_at, count = int((at + ttl).timestamp()), 0
        with self._wire() as wire:
            for batch in batches(iter(rows), _AT_ONCE):
                for campaign, slates in gathered(batch).items():
                    publish_slates(wire, campaign, slates, expires_at, int(at.timestamp()))
                count += len(batch)
        return count

    def replace(self, rows: Iterable[Published], ttl: timedelta, at: datetime) -> int:
        """Publish decisions in place of those of the same send alone: what another send has published since stays. What was decided within
        sessions on top of a refresh is of that refresh. Returns how many."""
        expires_at, count = int((at + ttl).timestamp()), 0
        with self._wire() as wire:
            for batch in batches(iter(rows), _AT_ONCE):
                for campaign, slates in gathered(batch).items():
                    count += replace_slates(wire, campaign, slates, expires_at, int(at.timestamp()))
        return count

    def get(self, recipient_id: RecipientId, placement: PlacementId, at: datetime, default: Sequence[VariantId]) -> PublishedDecision:
        """The decision for one recipient and placement; the default if it is missing, stale or cannot be read in time."""
        return self.many(recipient_id, {placement: default}, at)[placement]

    def many(
        self, recipient_id: RecipientId, defaults: Mapping[PlacementId, Sequence[VariantId]], at: datetime
    ) -> dict[PlacementId, PublishedDecision]:
        """`get` for several placements in one round trip."""
        number, field = place_of(recipient_id)
        campaigns = sorted({campaign_of(placement) for placement in defaults})
        pipeline = self._reader.pipeline(transaction=False)
        for campaign in campaigns:
            pipeline.hget(key_of(campaign, number), field.decode())
        found: dict[PlacementId, StoredDecision] = {}
        try:
            for campaign, value in zip(campaigns, pipeline.execute(raise_on_error=False), strict=True):
                found.update(self._read(campaign, value))
        except (RedisError, OSError):
            pass  # what cannot be read is as good as missing
        return {placement: _decided(placement, found.get(placement), at, default) for placement, default in defaults.items()}

    def held(self, recipient_id: RecipientId) -> dict[str, str]:
        """What is published for a recipient: placement → variants, send and expiry, in words."""
        with self._wire() as wire:
            entries = [entry for campaign in campaigns_of(wire) for entry in self._held(wire, campaign, recipient_id).items()]
        return {
            placement: f"{', '.join(one.variants)} by {one.send_id} until {_instant(one):%Y-%m-%dT%H:%M:%SZ}" for placement, one in entries
        }

    def forget(self, recipient_id: RecipientId) -> int:
        """Remove what is published for a recipient, from the server's append-only file too. Returns how many placements that were."""
        number, field = place_of(recipient_id)
        with self._wire() as wire:
            campaigns = campaigns_of(wire)
            count = sum(len(self._held(wire, campaign, recipient_id)) for campaign in campaigns)
            removed = wire.ask(*joined([packed(b"HDEL", key_of(campaign, number), field) for campaign in campaigns]))
        if any(removed):
            self._rewrite_log()
        return count

    def close(self) -> None:
        """Close the connections."""
        self._reader.close()
        self._writer.close()

    def _read(self, campaign: str, value: object) -> Entries:
        """The entries of a value; where a word is new to us, the words are read again."""
        if not isinstance(value, bytes):
            return {}
        try:
            return unpacked(value, self._words_of(campaign))
        except UnknownWordError:
            self._words.pop(campaign, None)
            return readable(value, self._words_of(campaign))
        except ValueError:
            return {}

    def _words_of(self, campaign: str) -> Words:
        read_at, words = self._words.get(campaign, (-_WORDS_HOLD, Words()))
        if time.monotonic() - read_at >= _WORDS_HOLD:
            words = Words.read(self._reader.hgetall(words_key_of(campaign)))  # type: ignore[arg-type]  # redis-py's types know asyncio too
            self._words[campaign] = time.monotonic(), words
        return words

    def _held(self, wire: Wire, campaign: str, recipient_id: RecipientId) -> Entries:
        number, field = place_of(recipient_id)
        [value] = wire.ask(packed(b"HGET", key_of(campaign, number), field), 1)
        return readable(value, read_words(wire, campaign))

    def _rewrite_log(self) -> None:
        with answering(_SILENT, self._address):
            rewrite_log(self._writer, self._address)

    @contextmanager
    def _wire(self) -> Iterator[Wire]:
        """A connection of its own for something that takes longer; its failures are UnavailableError."""
        try:
            wire = Wire(self._place, WRITE_BUDGET.total_seconds())
            try:
                yield wire
            finally:
                wire.close()
        except (hiredis.HiredisError, OSError) as error:
            raise unavailable(_SILENT, self._address, error) from None


def _instant(entry: StoredDecision) -> datetime:
    return datetime.fromtimestamp(entry.expires_at, UTC)


def _decided(placement: PlacementId, entry: StoredDecision | None, at: datetime, default: Sequence[VariantId]) -> PublishedDecision:
    if entry is None or at >= _instant(entry):
        return PublishedDecision(placement, tuple(default), None, True, None)
    return PublishedDecision(placement, entry.variants, entry.send_id, False, _instant(entry))
