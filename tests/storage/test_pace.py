"""The pace that processes share through Redis: the arithmetic of `delivery/pace.py`, on the server's clock."""

import math
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from delivery.pace import Bucket
from domain.errors import InputError, UnavailableError
from domain.pace import FORGOTTEN, Allowance
from storage.embedded import EmbeddedRedis
from storage.pace import RedisPace

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)  # asked for by the port, and of no account here

Asked = tuple[str, float, float]  # question, its number, seconds since the one before
asked = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(1, 500), st.floats(0, 3)),
        st.tuples(st.just("give_back"), st.integers(1, 50), st.floats(0, 0.1)),
        st.tuples(st.just("slow_down"), st.floats(0, 5), st.floats(0, 3)),
        st.tuples(st.just("flowed"), st.integers(1, 500), st.floats(0, 3)),
    ),
    max_size=40,
)


@given(asked, st.one_of(st.none(), st.floats(0.05, 2_000)), st.sampled_from([0.25, 0.5, 1.0]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_the_script_and_the_bucket_are_one_arithmetic(redis_url: str, questions: list[Asked], ceiling: float | None, span: float) -> None:
    """Whatever is asked, in whatever order: the same leave and the same wait from both."""
    redis.Redis.from_url(redis_url).flushall()
    now, allowance = 1_800_000_000.0, Allowance(ceiling, span)
    pace = RedisPace(redis_url, "account", allowance, clock=lambda: now)
    bucket = Bucket.new(allowance, now)
    pace.give_back(1, at=AT)  # opens the account at the same instant
    bucket = bucket.give_back(1, now)
    for question, number, later in questions:
        now += later
        match question:
            case "take":
                bucket, ours = bucket.take(int(number), now)
                theirs = pace.take(int(number), at=AT)
                assert (theirs.messages, theirs.wait) == (ours.messages, pytest.approx(ours.wait, rel=1e-6, abs=1e-6))
            case "give_back":
                bucket = bucket.give_back(int(number), now)
                pace.give_back(int(number), at=AT)
            case "slow_down":
                bucket = bucket.slow_down(number, now)
                pace.slow_down(number, at=AT)
            case _:
                bucket = bucket.flowed(int(number), now)
                pace.flowed(int(number), at=AT)
    pace.close()


def test_a_clock_is_the_servers_own(redis_url: str) -> None:
    """Without being told the time the script knows it: a bucket of 1/s gives one, and then asks to wait for the rest of a second."""
    pace = RedisPace(redis_url, "account", Allowance(1.0))
    assert pace.take(5, at=AT).messages == 1
    refused = pace.take(5, at=AT)
    assert refused.messages == 0 and 0 < refused.wait <= 1


def test_accounts_are_paced_apart_and_forgotten_in_time(redis_url: str) -> None:
    """One account's tokens are not another's; the key does not tell the account and expires; a wish to wait outlives it."""
    one, other = (RedisPace(redis_url, name, Allowance(1.0)) for name in ("resend:shop", "resend:other"))
    assert (one.take(1, at=AT).messages, other.take(1, at=AT).messages, one.take(1, at=AT).messages) == (1, 1, 0)
    client = redis.Redis.from_url(redis_url)
    keys = [key.decode() for key in client.keys("pace:*")]  # type: ignore[union-attr]
    assert len(keys) == 2 and not any("shop" in key for key in keys)
    one.slow_down(2_000.0, at=AT)
    assert sorted(math.ceil(int(client.ttl(key)) / 1_000) * 1_000 for key in keys) == [math.ceil(FORGOTTEN / 1_000) * 1_000, 6_000]  # type: ignore[arg-type]


def test_throttling_in_one_process_holds_the_others(redis_url: str) -> None:
    """A Retry-After that one was told is kept by all."""
    one, other = (RedisPace(redis_url, "account", Allowance()) for _ in range(2))
    assert other.take(1_000, at=AT).messages == 1_000
    one.slow_down(30.0, at=AT)
    assert 29 < other.take(1, at=AT).wait <= 30


def test_a_campaigns_own_limit_learns_nothing_from_throttling(redis_url: str) -> None:
    """A pace that does not adapt stays as it was told."""
    pace = RedisPace(redis_url, "campaign", Allowance(1_000.0, adapts=False))
    pace.slow_down(60.0, at=AT)
    assert pace.take(1, at=AT).messages == 1


@pytest.mark.parametrize("workers", [2, 8])
def test_no_token_is_given_twice(redis_url: str, workers: int) -> None:
    """However many ask at once, together they get what is in the bucket and what came in meanwhile."""
    frozen = 1_800_000_000.0
    paces = [RedisPace(redis_url, "account", Allowance(1_000.0, span=1.0), clock=lambda: frozen) for _ in range(workers)]

    def drain(pace: RedisPace) -> int:
        return sum(pace.take(7, at=AT).messages for _ in range(100))

    with ThreadPoolExecutor(workers) as threads:
        granted = sum(threads.map(drain, paces))
    assert granted <= 1_000 and granted > 1_000 - 7


_ASK = """
import sys, time
from datetime import UTC, datetime
from domain.pace import Allowance
from storage.pace import RedisPace
pace, end, count = RedisPace(sys.argv[1], "account", Allowance(400.0)), time.monotonic() + 2.0, 0
while time.monotonic() < end:
    leave = pace.take(25, at=datetime.now(UTC))
    count += leave.messages
    time.sleep(leave.wait)
print(count)
"""


def test_two_processes_share_one_rate(redis_url: str) -> None:
    """What two processes get in two seconds is one account's rate and a burst, not twice that."""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", _ASK, redis_url]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) for _ in range(2)]
    counts = [int(worker.communicate()[0]) for worker in workers]
    assert sum(counts) <= 400 * 4 + 200  # starting them may lie seconds apart
    assert min(counts) > 0


@pytest.fixture
def stopped_server(tmp_path: Path) -> Callable[[], str]:
    """A server that ran once."""

    def url() -> str:
        server = EmbeddedRedis(tmp_path / "redis")
        server.start()
        server.stop()
        return server.url

    return url


def test_a_server_that_is_gone_is_unavailable(stopped_server: Callable[[], str]) -> None:
    """Told as what the operator has to mend, without a password."""
    with pytest.raises(UnavailableError, match="Redis does not answer"):
        RedisPace(stopped_server(), "account", Allowance()).take(1, at=AT)
    with pytest.raises(UnavailableError) as gone:
        RedisPace("redis://user:s3cret@127.0.0.1:9/0", "account", Allowance()).take(1, at=AT)
    assert "s3cret" not in str(gone.value)
    with pytest.raises(InputError, match="not a Redis URL"):
        RedisPace("nonsense", "account", Allowance())


def test_a_server_that_forgot_everything_is_told_anew(redis_url: str) -> None:
    """Scripts and state that a restart lost are there again at the next question."""
    pace = RedisPace(redis_url, "account", Allowance(100.0))
    assert pace.take(10, at=AT).messages == 10
    client = redis.Redis.from_url(redis_url)
    client.script_flush()
    client.flushall()
    assert pace.take(10, at=AT).messages == 10
