"""Signals on their way to whoever reacts to them: Redis Streams, one per partition of visitors, read by one consumer group.

    signals:<partition>     the signals of a partition's visitors, in the order in which they were received; removed once done with
    signals:poison          what could not be dealt with, with the reason
    signals:owner:<n>       which consumer reads partition n at present: a lease, renewed while it lives
    signals:rounds:<send>   how often was decided on top of a refresh
    signals:consumers       the consumers that live, by when they are taken for dead

A partition is read by one consumer at a time, so that the decisions of one visitor are made in order. When its lease runs out another
takes the partition, with all that the first had taken and not finished: nothing is lost, and what was done twice changes nothing.
Streams are bounded: without a consumer the oldest signals fall out. They are stored events all the same, and the next refresh knows them.
"""

from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from redis.exceptions import ResponseError

from domain.signal import Signal, SignalLag, partition_of
from storage.redis_client import answering, client_of, place_of
from storage.redis_log import rewrite_log
from storage.signal_packing import packed, unpacked

GROUP = "letterpress"
LEASE = timedelta(seconds=1.5)  # without a sign of life, after which a consumer is taken for dead
POISON = "signals:poison"
MOST_POISON = 10_000
WRITE_BUDGET = timedelta(milliseconds=50)  # what an HTTP request waits for at most
_READ_BUDGET = timedelta(seconds=10)
_CLAIMED = 500  # entries taken over at once
_ROUNDS_KEPT = timedelta(days=400)  # longer than any refresh holds

_RENEW = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) and 2 or 0
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


@dataclass(frozen=True, slots=True)
class Entry:
    """A signal as it stands in a stream. `signal` is None where it cannot be read; `deliveries`: how often anybody took it so far."""

    partition: int
    entry_id: str
    raw: bytes
    signal: Signal | None
    deliveries: int = 1


class SignalStreams:
    """The streams of one Redis server."""

    def __init__(self, url: str, *, partitions: int, most: int = 100_000, budget: timedelta = WRITE_BUDGET) -> None:
        self.partitions = partitions
        self._most, self._place = most, place_of(url)
        self._writer = client_of(url, budget)
        self._client = client_of(url, _READ_BUDGET)

    def add(self, signals: Iterable[Signal]) -> int:
        """Append signals, those of one visitor in the order given. Raises UnavailableError if the server does not take them in time."""
        pipeline, given = self._writer.pipeline(transaction=False), list(signals)
        for signal in given:
            stream = _stream(partition_of(signal.visitor, self.partitions))
            pipeline.xadd(stream, {"s": packed(signal)}, maxlen=self._most, approximate=True)
        with self._answering():
            pipeline.execute()
        return len(given)

    def join(self) -> None:
        """Make the streams and their consumer group, as far as they are missing."""
        for partition in range(self.partitions):
            with self._answering():
                try:
                    self._client.xgroup_create(_stream(partition), GROUP, id="0", mkstream=True)
                except ResponseError as error:
                    if "BUSYGROUP" not in str(error):
                        raise

    def lease(self, consumer: str, mine: Collection[int], at: datetime) -> tuple[frozenset[int], frozenset[int]]:
        """Renew the consumer's partitions, take its fair share of those that nobody has, and leave what is more than that.

        Returns the partitions it has from here on for LEASE, and which of them are new to it.
        """
        with self._answering():
            living = self._living(consumer, at)
            fair = -(-self.partitions // max(living, 1))
            kept = [one for one in sorted(mine)[:fair] if self._renew(consumer, one)]
            for one in sorted(set(mine) - set(kept)):
                self._client.eval(_RELEASE, 1, _owner(one), consumer)
            wanted = (one for one in range(self.partitions) if one not in kept)
            got = list[int]()
            for one in wanted:
                if len(kept) + len(got) >= fair:
                    break
                if self._renew(consumer, one):
                    got.append(one)
        return frozenset([*kept, *got]), frozenset(got)

    def leave(self, consumer: str, mine: Collection[int]) -> None:
        """Give the partitions back at once."""
        with self._answering():
            self._client.zrem("signals:consumers", consumer)
            for one in mine:
                self._client.eval(_RELEASE, 1, _owner(one), consumer)
                self._client.xgroup_delconsumer(_stream(one), GROUP, consumer)

    def read(self, consumer: str, partitions: Collection[int], most: int, wait: timedelta) -> list[Entry]:
        """The next signals of these partitions, about `most`; waits for the first."""
        if not partitions:
            return []
        per_stream = max(1, most // len(partitions))
        streams: dict[Any, Any] = {_stream(one): ">" for one in sorted(partitions)}
        with self._answering():
            try:
                answer: Any = self._client.xreadgroup(GROUP, consumer, streams, count=per_stream, block=int(wait.total_seconds() * 1e3))
            except ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                self.join()  # the server lost everything and begins anew
                return []
        found = answer.items() if isinstance(answer, dict) else answer or []
        return [_entry(_partition(name), entry) for name, entries in found for entry in _flat(entries)]

    def take_over(self, consumer: str, partition: int) -> list[Entry]:
        """Everything of a partition that somebody took and did not finish, with how often it was taken by now."""
        stream, start, found = _stream(partition), "0-0", list[Entry]()
        with self._answering():
            while True:
                answer: Any = self._client.xautoclaim(stream, GROUP, consumer, min_idle_time=0, start_id=start, count=_CLAIMED)
                start, entries = answer[0].decode(), [one for one in answer[1] if one[1]]
                counts = self._deliveries(stream, consumer, entries)
                found += [_entry(partition, entry, counts.get(entry[0].decode(), 1)) for entry in entries]
                if start == "0-0":
                    return found

    def finish(self, entries: Iterable[Entry]) -> None:
        """Done with: acknowledged, and removed."""
        by_partition: dict[int, list[str]] = {}
        for entry in entries:
            by_partition.setdefault(entry.partition, []).append(entry.entry_id)
        pipeline = self._client.pipeline(transaction=False)
        for partition, ids in by_partition.items():
            pipeline.xack(_stream(partition), GROUP, *ids)
            pipeline.xdel(_stream(partition), *ids)
        with self._answering():
            pipeline.execute()

    def set_aside(self, entry: Entry, reason: str, at: datetime) -> None:
        """Put an entry among the poison, and finish it, in one transaction."""
        which = {"partition": entry.partition, "entry": entry.entry_id, "at": at.isoformat()}
        fields: dict[Any, Any] = {**which, "reason": reason, "raw": entry.raw}
        pipeline = self._client.pipeline(transaction=True)
        pipeline.xadd(POISON, fields, maxlen=MOST_POISON, approximate=True)
        pipeline.xack(_stream(entry.partition), GROUP, entry.entry_id)
        pipeline.xdel(_stream(entry.partition), entry.entry_id)
        with self._answering():
            pipeline.execute()

    def begin_rounds(self, send_id: str, highest: int) -> None:
        """Go on counting after the highest round that is known, if the server knows of none."""
        with self._answering():
            self._client.set(_rounds(send_id), highest, nx=True, ex=_ROUNDS_KEPT)

    def next_round(self, send_id: str) -> int:
        """The number of a new round of decisions on top of a refresh; no two are alike."""
        with self._answering():
            return int(self._client.incr(_rounds(send_id)))

    def poison(self, most: int = 100) -> list[dict[str, str]]:
        """What was set aside last, the latest first; without what it said."""
        with self._answering():
            rows: Any = self._client.xrevrange(POISON, count=most)
        return [{key.decode(): value.decode() for key, value in fields.items() if key != b"raw"} for _, fields in rows]

    def forget(self, visitor: str) -> int:
        """Remove a visitor's signals that wait, those set aside included, from the server's append-only file too; returns how many."""
        streams, count, name = (_stream(partition_of(visitor, self.partitions)), POISON), 0, orjson.dumps(visitor)
        with self._answering():
            for stream in streams:
                rows: Any = self._client.xrange(stream)
                theirs = [row[0] for row in rows if name in b"".join(row[1].values())]
                count += int(self._client.xdel(stream, *theirs)) if theirs else 0
            if count:
                rewrite_log(self._client, self._place)
        return count

    def lag(self, at: datetime) -> SignalLag:
        """How far behind the consumers are. Asked within the budget of `add`, so that whoever watches does not wait either."""
        with self._answering():
            pipeline = self._writer.pipeline(transaction=False)
            for partition in range(self.partitions):
                pipeline.xlen(_stream(partition))
                pipeline.xrange(_stream(partition), count=1)
                pipeline.xinfo_groups(_stream(partition))
            pipeline.xlen(POISON)
            pipeline.zcount("signals:consumers", _ms(at), "+inf")
            *streams, poison, living = pipeline.execute(raise_on_error=False)
        lengths, firsts, groups = streams[0::3], streams[1::3], streams[2::3]
        taken = sum(int(group["pending"]) for one in groups if isinstance(one, list) for group in one if group["name"] == GROUP.encode())
        oldest = [int(first[0][0].split(b"-")[0]) for first in firsts if isinstance(first, list) and first]
        age = max((_ms(at) - min(oldest)) / 1e3, 0.0) if oldest else 0.0
        return SignalLag(max(sum(lengths) - taken, 0), taken, age, poison, living)

    def close(self) -> None:
        """Close the connections."""
        self._writer.close()
        self._client.close()

    def _living(self, consumer: str, at: datetime) -> int:
        pipeline = self._client.pipeline(transaction=False)
        pipeline.zadd("signals:consumers", {consumer: _ms(at + LEASE)})
        pipeline.zremrangebyscore("signals:consumers", "-inf", _ms(at))
        pipeline.zcard("signals:consumers")
        return int(pipeline.execute()[-1])

    def _renew(self, consumer: str, partition: int) -> bool:
        return bool(self._client.eval(_RENEW, 1, _owner(partition), consumer, str(int(LEASE.total_seconds() * 1e3))))

    def _deliveries(self, stream: str, consumer: str, entries: Sequence[Any]) -> dict[str, int]:
        if not entries:
            return {}
        first, last = entries[0][0], entries[-1][0]
        rows: Any = self._client.xpending_range(stream, GROUP, min=first, max=last, count=len(entries), consumername=consumer)
        return {row["message_id"].decode(): int(row["times_delivered"]) for row in rows}

    def _answering(self) -> AbstractContextManager[None]:
        return answering("the signal streams do not answer", self._place)


def _entry(partition: int, told: Any, deliveries: int = 1) -> Entry:
    raw = (told[1] or {}).get(b"s", b"")
    return Entry(partition, told[0].decode(), raw, unpacked(raw), deliveries)


def _flat(entries: Any) -> Any:
    """The entries of one stream; the newer protocol wraps them once more."""
    return entries[0] if entries and isinstance(entries[0], list) and entries[0] and isinstance(entries[0][0], (list, tuple)) else entries


def _rounds(send_id: str) -> str:
    return f"signals:rounds:{send_id}"


def _stream(partition: int) -> str:
    return f"signals:{partition}"


def _partition(stream: bytes) -> int:
    return int(stream.rpartition(b":")[2])


def _owner(partition: int) -> str:
    return f"signals:owner:{partition}"


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _ms(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)
