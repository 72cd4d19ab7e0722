"""One layout of the decision store, filled. `python -m benchmarks.keying.layout LAYOUT RECIPIENTS` prints bytes and recipients per second.

Decisions are those of a refresh: one of forty variants in each of three placements, one send, one expiry. Texts are as the store had them
before words were abbreviated, but for `chosen`.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import orjson
import redis

from domain.hashing import bucket_of
from domain.ids import PlacementId, RecipientId, SendId, VariantId
from storage import decision_layout
from storage.database import batches
from storage.decision_store import DecisionStore
from storage.decision_writer import Published, gathered
from storage.embedded import EmbeddedRedis
from storage.redis_wire import RedisPlace, Wire, bulk

AT = datetime.now(UTC).replace(microsecond=0)
TTL = timedelta(hours=48)
SEND = SendId("web-20261123T090000Z")
PLACEMENTS = tuple(PlacementId(f"web.{name}") for name in ("home_hero", "home_strip", "cart_offer"))
VARIANTS = tuple((VariantId(f"variant-{number}"),) for number in range(40))
_EXPIRY = int((AT + TTL).timestamp())
_PIPELINE, _SHARD = 1_000, 25_000
Fill = Callable[[str, Sequence[Published]], None]


def decisions(people: int) -> list[Published]:
    """A refresh's decisions, recipient by recipient."""
    random = Random(1)
    ids = [RecipientId(f"c{number:08d}") for number in range(people)]
    return [(who, place, VARIANTS[int(random.random() * len(VARIANTS))], SEND) for who in ids for place in PLACEMENTS]


def plain(url: str, rows: Sequence[Published]) -> None:
    """`SET decisions:<recipient>:<placement>` with an expiry."""
    with redis.Redis.from_url(url) as client:
        for batch in batches(iter(rows), _PIPELINE):
            pipeline = client.pipeline(transaction=False)
            for who, place, variants, send in batch:
                pipeline.set(f"decisions:{who}:{place}", f"{_EXPIRY}|{send}|{','.join(variants)}", exat=_EXPIRY)
            pipeline.execute()


def of_recipient(url: str, rows: Sequence[Published]) -> None:
    """A hash per recipient."""
    with redis.Redis.from_url(url) as client:
        for batch in batches(_people(rows), _PIPELINE // 2):
            pipeline = client.pipeline(transaction=False)
            for who, choices in batch:
                fields = {place: f"{_EXPIRY}|{send}|{','.join(variants)}" for place, variants, send in choices}
                pipeline.hset(f"decisions:{who}", mapping=fields)
                pipeline.expireat(f"decisions:{who}", _EXPIRY)
            pipeline.execute()


def of_recipient_packed(url: str, rows: Sequence[Published]) -> None:
    """One value per recipient."""
    with redis.Redis.from_url(url) as client:
        for batch in batches(_people(rows), _PIPELINE):
            pipeline = client.pipeline(transaction=False)
            for who, choices in batch:
                held = ";".join(f"{place}={','.join(variants)}" for place, variants, _ in choices)
                pipeline.set(f"decisions:{who}", f"{_EXPIRY}|{SEND}|{held}", exat=_EXPIRY)
            pipeline.execute()


def of_bucket(url: str, rows: Sequence[Published]) -> None:
    """A hash per placement and bucket, as it was before; in shards, as it was published."""
    with redis.Redis.from_url(url) as client:
        hashes: dict[str, dict[str, str]] = {}
        for who, place, variants, send in rows:
            hashes.setdefault(f"decisions:{place}:{bucket_of(who)}", {})[who] = f"{_EXPIRY}|{send}|{','.join(variants)}"
        for keys in batches(list(hashes), _PIPELINE // 3):
            pipeline = client.pipeline(transaction=False)
            for key in keys:
                pipeline.hset(key, mapping=hashes[key])
                pipeline.expireat(key, _EXPIRY, nx=True)
                pipeline.expireat(key, _EXPIRY, gt=True)
            pipeline.execute()


def chosen(url: str, rows: Sequence[Published]) -> None:
    """As the product publishes."""
    store = DecisionStore(url)
    store.publish(rows, TTL, AT)
    store.close()


def chosen_shards(url: str, rows: Sequence[Published]) -> None:
    """The same, shard by shard as flows do."""
    store = DecisionStore(url)
    for batch in batches(iter(rows), _SHARD * len(PLACEMENTS)):
        store.publish(batch, TTL, AT)
    store.close()


def chosen_raw(url: str, rows: Sequence[Published]) -> Callable[[], None]:
    """The same keys, made up beforehand: returns what sends them."""
    hashes: dict[int, list[bytes]] = {}
    for number, (who, _) in enumerate(_people(rows)):
        place, field = decision_layout.place_of(who)
        value = f"{decision_layout.base36(_EXPIRY)}.0:0,{number % 40:x}:1,{number % 37:x}:2,{number % 31:x}"
        hashes.setdefault(place, []).append(bulk(field) + bulk(value.encode()))
    packets = list(_packets(hashes))

    def send() -> None:
        wire = Wire(RedisPlace.of(url), 60.0)
        for packet, count in packets:
            wire.ask(packet, count)
        wire.close()

    return send


def _packets(hashes: Mapping[int, Sequence[bytes]]) -> Iterator[tuple[bytes, int]]:
    for numbers in batches(list(hashes), _PIPELINE // 2):
        commands = list[bytes]()
        for number in numbers:
            key, entries = bulk(decision_layout.key_of("web", number)), hashes[number]
            commands.append(b"*%d\r\n$4\r\nHSET\r\n%b%b" % (2 + 2 * len(entries), key, b"".join(entries)))
            commands.append(b"*3\r\n$8\r\nEXPIREAT\r\n%b%b" % (key, bulk(b"%d" % _EXPIRY)))
        yield b"".join(commands), len(commands)


def _people(rows: Sequence[Published]) -> Iterator[tuple[RecipientId, tuple[tuple[PlacementId, Sequence[VariantId], SendId], ...]]]:
    [slates] = gathered(rows).values()
    return iter(slates.items())


FILLS: Mapping[str, Fill] = {
    "plain": plain,
    "hash": of_recipient,
    "packed": of_recipient_packed,
    "bucket": of_bucket,
    "chosen": chosen,
    "chosen_shards": chosen_shards,
}


def dense(url: str, people: int, hashes: int) -> None:
    """Publish into a part of the hashes alone, so that each holds what it would at a larger list."""
    decision_layout.HASHES = hashes
    chosen(url, decisions(people))


def main() -> None:
    """Fill a fresh server, print what it took."""
    name, people = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory(prefix="letterpress-bench-") as folder:
        server = EmbeddedRedis(Path(folder))
        server.start()
        try:
            print(orjson.dumps(_measured(server.url, name, people)).decode())
        finally:
            server.stop()


def _measured(url: str, name: str, people: int) -> dict[str, float]:
    with redis.Redis.from_url(url) as client:
        client.config_set("appendonly", "no")  # every layout alike: what a disk takes is another question
        before = _used(client)
        hashes = max(1, decision_layout.HASHES * people // 50_000_000)
        rows = [] if name == "dense" else decisions(people)
        send = chosen_raw(url, rows) if name == "chosen_raw" else None
        began = time.perf_counter()
        if name == "dense":
            dense(url, people, hashes)
        elif send:
            send()
        else:
            FILLS[name](url, rows)
        took = time.perf_counter() - began
        told = {"bytes_per_recipient": (_used(client) - before) / people, "recipients_per_s": people / took}
        return told | ({"per_hash": people / hashes} if name == "dense" else {})


def _used(client: "redis.Redis") -> float:
    return float(client.info("memory")["used_memory"])


if __name__ == "__main__":
    main()
