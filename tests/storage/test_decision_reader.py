"""Reading while a page waits, from a real server: stopped, killed, slow or full of nonsense, the answer is there in time."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import redis
import uvloop

from domain.ids import PlacementId, RecipientId, SendId, VariantId
from domain.serving import Circuit, StoredDecision, Trouble
from storage.decision_layout import Entries, key_of, place_of
from storage.decision_reader import DecisionReader
from storage.decision_store import DecisionStore
from storage.embedded import EmbeddedRedis
from storage.redis_link import SharedRedis
from storage.redis_wire import RedisPlace, packed

AT = datetime.now(UTC).replace(microsecond=0)
TTL = timedelta(days=1)
HERO, HOME = PlacementId("weekly.hero"), PlacementId("web.home_hero")
SEND = SendId("weekly-1")
PATIENT = timedelta(seconds=10)
SHORT = timedelta(milliseconds=20)
T = TypeVar("T")


def publish(url: str, who: str = "r1", variant: str = "sale", placement: PlacementId = HERO) -> None:
    """Publish one decision."""
    store = DecisionStore(url)
    store.publish([(RecipientId(who), placement, (VariantId(variant),), SEND)], TTL, AT)
    store.close()


def with_two(server: EmbeddedRedis) -> int:
    """Something is decided for r1 and r2; returns the server's process id."""
    publish(server.url)
    publish(server.url, who="r2", variant="other")
    pid = server.pid()
    assert pid
    return pid


def reading(url: str, budget: timedelta, work: Callable[[DecisionReader], Awaitable[T]]) -> T:
    """Do something with a reader in an event loop of its own: in that of `letterpress serve`, and in Python's."""

    async def run() -> T:
        reader = DecisionReader(url, budget=budget)
        try:
            return await work(reader)
        finally:
            reader.close()

    asyncio.run(run())
    return uvloop.run(run())


async def one(reader: DecisionReader, who: str = "r1") -> Entries | Trouble:
    """What is read for one recipient of the weekly campaign."""
    found = await reader.read([RecipientId(who)], ["weekly"])
    return found if isinstance(found, Trouble) else found[0]


async def recovered(reader: DecisionReader) -> Entries | Trouble:
    """What is read once Redis answers again; it may take its time on a busy machine."""
    async with asyncio.timeout(60):
        while isinstance(found := await one(reader), Trouble):
            await asyncio.sleep(0.02)
    return found


def sale(variant: str = "sale") -> dict[PlacementId, StoredDecision]:
    """What `publish` published."""
    return {HERO: StoredDecision((VariantId(variant),), SEND, int((AT + TTL).timestamp()))}


def test_decisions_are_read_as_they_were_published(redis_url: str) -> None:
    """Of several recipients and campaigns in one go; who has none has none."""
    publish(redis_url)
    publish(redis_url, placement=HOME, variant="tents")

    async def work(reader: DecisionReader) -> None:
        assert await one(reader) == sale()
        found = await reader.read([RecipientId("r1"), RecipientId("r2")], ["web", "weekly"])
        assert not isinstance(found, Trouble)
        assert ({HOME, HERO}, {}) == (set(found[0]), found[1])
        assert reader.circuit is Circuit.CLOSED

    reading(redis_url, PATIENT, work)


def test_new_words_are_looked_up(redis_url: str) -> None:
    """A variant or send that was published since is read at once."""
    publish(redis_url)

    async def work(reader: DecisionReader) -> None:
        publish(redis_url)
        assert await one(reader) == sale()
        await asyncio.sleep(0.11)  # words are not looked for more often
        variant = f"seen-by-no-{id(reader)}"
        publish(redis_url, variant=variant)
        assert await one(reader) == sale(variant)

    reading(redis_url, PATIENT, work)


def test_nonsense_is_as_good_as_missing(redis_url: str) -> None:
    """What somebody else wrote there is passed over, whatever it is."""
    publish(redis_url)
    number, field = place_of(RecipientId("bad"))
    with redis.Redis.from_url(redis_url) as client:
        client.hset(key_of("weekly", number), field, b"\xff nonsense")
    assert reading(redis_url, PATIENT, lambda reader: one(reader, "bad")) == {}


def test_each_request_gets_its_own_answer(redis_url: str) -> None:
    """Thousands at once on one connection, of which every one is somebody else's."""
    store = DecisionStore(redis_url)
    store.publish([(RecipientId(f"r{n}"), HERO, (VariantId(f"v{n}"),), SEND) for n in range(3_000)], TTL, AT)
    store.close()

    async def work(reader: DecisionReader) -> None:
        assert await reader.start()
        found = await asyncio.gather(*(one(reader, f"r{n}") for n in range(3_000)))
        assert found == [sale(f"v{n}") for n in range(3_000)]

    reading(redis_url, PATIENT, work)


def test_a_stopped_server_costs_the_budget_and_then_nothing(own_redis: EmbeddedRedis) -> None:
    """Late requests are told so; after a few nobody asks any more; when it goes on, it is read again, and nobody gets another's answer."""
    pid = with_two(own_redis)

    async def work(reader: DecisionReader) -> None:
        assert await one(reader) == sale()
        os.kill(pid, signal.SIGSTOP)
        troubles = [await one(reader) for _ in range(8)]
        assert troubles == [Trouble.SLOW] * 5 + [Trouble.OPEN] * 3
        assert reader.circuit is not Circuit.CLOSED
        os.kill(pid, signal.SIGCONT)
        assert await recovered(reader) == sale()
        assert await one(reader, "r2") == sale("other")

    reading(own_redis.url, timedelta(milliseconds=250), work)


def test_answers_that_come_late_are_nobodys(own_redis: EmbeddedRedis) -> None:
    """A pause that is too short to open the breaker leaves the order of answers intact."""
    pid = with_two(own_redis)

    async def work(reader: DecisionReader) -> None:
        assert await one(reader) == sale()
        os.kill(pid, signal.SIGSTOP)
        late = list(await asyncio.gather(one(reader), one(reader)))
        os.kill(pid, signal.SIGCONT)
        assert late == [Trouble.SLOW, Trouble.SLOW]
        assert await one(reader, "r2") == sale("other")
        assert await one(reader, "nobody") == {}

    reading(own_redis.url, timedelta(seconds=2), work)


def test_a_restarted_server_is_found_again(own_redis: EmbeddedRedis) -> None:
    """Killed under load: every request is answered, and decisions are read again when it is back."""
    publish(own_redis.url)

    async def work(reader: DecisionReader) -> None:
        pid = own_redis.pid()
        assert pid
        assert await one(reader) == sale()
        asked = [asyncio.create_task(one(reader)) for _ in range(200)]
        os.kill(pid, signal.SIGKILL)
        found = await asyncio.gather(*asked)
        assert all(answer == sale() or isinstance(answer, Trouble) for answer in found)
        while await one(reader) is not Trouble.AWAY:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(own_redis.start)
        assert await recovered(reader) == sale()

    reading(own_redis.url, PATIENT, work)


def test_a_server_that_is_not_there_is_told_at_once() -> None:
    """Nobody waits for connecting but the first."""

    async def work(reader: DecisionReader) -> None:
        assert [await one(reader) for _ in range(3)] == [Trouble.AWAY] * 3

    reading("redis://127.0.0.1:1", SHORT, work)


def test_an_error_in_place_of_an_answer_is_trouble(redis_url: str) -> None:
    """As while a server loads its data; the next answer is in its place again."""

    async def run() -> None:
        shared = SharedRedis(RedisPlace.of(redis_url), 10.0)
        assert await shared.start(10.0)
        wrong, right = shared.ask(packed(b"NONSENSE"), 1), shared.ask(packed(b"ECHO", b"x"), 1)
        assert not isinstance(wrong, Trouble)
        assert not isinstance(right, Trouble)
        assert await wrong is Trouble.AWAY
        assert await right == [b"x"]
        shared.close()

    asyncio.run(run())


def test_another_event_loop_begins_anew(redis_url: str) -> None:
    """A reader that outlives its loop, as in tests, connects again."""
    publish(redis_url)
    reader = DecisionReader(redis_url, budget=PATIENT)
    for _ in range(2):
        assert asyncio.run(one(reader)) == sale()
    reader.close()
