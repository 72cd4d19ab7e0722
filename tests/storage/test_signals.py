"""Signals in Redis Streams: in order, shared out, taken over, set aside."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import redis

from domain.errors import UnavailableError
from domain.event import EventKind
from domain.signal import Act, Signal, partition_of
from storage.signal_packing import packed, unpacked
from storage.signals import GROUP, LEASE, SignalStreams

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
SOON = timedelta(milliseconds=50)
ALL = frozenset(range(4))


def signal(number: int, visitor: str = "r1") -> Signal:
    """A page view, the number-th."""
    at = AT + timedelta(seconds=number)
    return Signal(visitor, Act(f"e{number}", EventKind.PAGE_VIEWED, at, at, "hats"))


@pytest.fixture
def streams(redis_url: str) -> Iterator[SignalStreams]:
    """Four partitions, nobody reading yet."""
    made = SignalStreams(redis_url, partitions=4, most=1_000, budget=timedelta(seconds=5))
    made.join()
    yield made
    made.close()


def test_a_signal_survives_the_way() -> None:
    """As bytes and back it is the same, with everything and with next to nothing."""
    full = Signal("r|1", Act("e1", EventKind.SEARCHED, AT, AT + SOON, "süß", "hats & [coats]"), "~a:x")
    for one in (full, signal(1)):
        assert unpacked(packed(one)) == one


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b"[1, 2]", b'["r1", null, "nonsense", 1, 1, null, null, "e"]', b"\xff", b'["r1",null,"searched",1,1,null,5,"e"]']
)
def test_what_is_no_signal_is_none(raw: bytes) -> None:
    """Whatever stands in a stream."""
    assert unpacked(raw) is None


def test_a_visitors_signals_come_in_order(streams: SignalStreams) -> None:
    """From their one partition, each once."""
    streams.add(signal(number, who) for number in range(20) for who in ("r1", "r2"))
    found = streams.read("c1", ALL, 1_000, SOON)
    assert [one.signal.act.event_id for one in found if one.signal and one.signal.visitor == "r1"] == [f"e{n}" for n in range(20)]
    assert {one.partition for one in found if one.signal and one.signal.visitor == "r2"} == {partition_of("r2", 4)}
    assert streams.read("c1", ALL, 1_000, SOON) == []


def test_lag_is_what_is_not_finished(streams: SignalStreams) -> None:
    """Waiting until taken, taken until finished, gone afterwards."""
    assert streams.lag(AT).waiting == 0
    streams.add([signal(1), signal(2)])
    lag = streams.lag(datetime.now(UTC) + timedelta(seconds=9))
    assert (lag.waiting, lag.taken) == (2, 0) and 8 < lag.oldest_seconds < 60
    found = streams.read("c1", ALL, 10, SOON)
    assert (streams.lag(AT).waiting, streams.lag(AT).taken) == (0, 2)
    streams.finish(found)
    assert (streams.lag(AT).waiting, streams.lag(AT).taken, streams.lag(AT).oldest_seconds) == (0, 0, 0.0)


def test_partitions_are_shared_out_evenly(streams: SignalStreams) -> None:
    """Alone a consumer has all; beside another half, once it has left what is more; nobody has what another has."""
    now = datetime.now(UTC)
    first, fresh = streams.lease("c1", (), now)
    assert first == fresh == ALL
    assert streams.lease("c2", (), now)[0] == frozenset()
    first, fresh = streams.lease("c1", first, now)
    assert (len(first), fresh) == (2, frozenset())
    second, _ = streams.lease("c2", (), now)
    assert len(second) == 2 and not first & second
    streams.leave("c1", first)
    assert streams.lease("c2", second, now)[0] == ALL


def test_what_a_dead_consumer_had_is_taken_over(streams: SignalStreams, redis_url: str) -> None:
    """Once its lease has run out: the partition, with all that was taken and not finished, and how often it was taken."""
    streams.add([signal(1), signal(2), signal(3)])
    mine, _ = streams.lease("dead", (), datetime.now(UTC))
    taken = streams.read("dead", mine, 100, SOON)
    streams.finish(taken[:1])
    client = redis.Redis.from_url(redis_url)
    client.delete(*(f"signals:owner:{n}" for n in range(4)))  # as time does
    fresh = streams.lease("alive", (), datetime.now(UTC) + 2 * LEASE)[1]
    assert fresh == ALL
    left = [one for partition in fresh for one in streams.take_over("alive", partition)]
    assert [one.signal for one in left] == [signal(2), signal(3)]
    assert [one.deliveries for one in left] == [2, 2]
    assert streams.lease("dead", mine, datetime.now(UTC))[0] == frozenset()  # comes back and has nothing


def test_poison_is_set_aside_with_its_reason(streams: SignalStreams, redis_url: str) -> None:
    """What cannot be read too; it holds up nobody, and the list does not say what it said."""
    client = redis.Redis.from_url(redis_url)
    client.xadd("signals:1", {"s": b"no signal"})
    [entry] = streams.read("c1", ALL, 10, SOON)
    assert entry.signal is None
    streams.set_aside(entry, "not a signal", AT)
    assert streams.lag(AT).poison == 1 and streams.lag(AT).taken == 0
    [told] = streams.poison()
    assert told == {"partition": "1", "entry": entry.entry_id, "at": AT.isoformat(), "reason": "not a signal"}


def test_streams_are_bounded(redis_url: str) -> None:
    """Without anybody reading the oldest fall out."""
    small = SignalStreams(redis_url, partitions=1, most=100, budget=timedelta(seconds=5))
    small.add(signal(number) for number in range(1_000))
    assert small.lag(AT).waiting < 300


def test_streams_that_vanish_are_made_again(streams: SignalStreams, redis_url: str) -> None:
    """A server that lost everything begins anew, and so does who reads it."""
    client = redis.Redis.from_url(redis_url)
    client.flushall()
    assert streams.read("c1", ALL, 10, SOON) == []
    streams.add([signal(1)])
    assert len(streams.read("c1", ALL, 10, SOON)) == 1
    assert client.xinfo_groups("signals:0")[0]["name"] == GROUP.encode()  # type: ignore[index]


def test_rounds_go_on_where_they_were(streams: SignalStreams) -> None:
    """Counted by the server; where it knows of none, from what is known otherwise."""
    streams.begin_rounds("web-1", 41)
    assert [streams.next_round("web-1"), streams.next_round("web-1")] == [42, 43]
    streams.begin_rounds("web-1", 7)
    assert streams.next_round("web-1") == 44


def test_a_server_that_is_away_is_told() -> None:
    """By every operation, soon, and without anything of the signal."""
    gone = SignalStreams("redis://user:secret@127.0.0.1:1", partitions=2)
    for attempt in (lambda: gone.add([signal(1)]), gone.join, lambda: gone.lag(AT), lambda: gone.read("c", {0}, 1, SOON), gone.poison):
        with pytest.raises(UnavailableError, match="do not answer") as told:
            attempt()
        assert "secret" not in str(told.value)


def test_a_visitor_can_be_forgotten(streams: SignalStreams) -> None:
    """What waits of them goes, what was set aside too; nobody else's."""
    streams.add([signal(1, "r1"), signal(2, "r10"), signal(3, "r1")])
    entry = next(one for one in streams.read("c1", ALL, 10, SOON) if one.signal == signal(3, "r1"))
    streams.set_aside(entry, "too bad", AT)
    assert (streams.forget("r1"), streams.forget("r1")) == (2, 0)
    assert streams.lag(AT).poison == 0
    assert [one.signal for part in ALL for one in streams.take_over("c2", part)] == [signal(2, "r10")]
