"""`kill -9` of a running `letterpress send`, then `letterpress resume`: nobody twice, nobody lost, nothing unsaid."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from storage.embedded import EmbeddedRedis
from tests.journeys.desk import Desk, wait_until
from tests.journeys.people import CONSENTING
from tests.journeys.sink import Sink

pytestmark = pytest.mark.journey

HELD, MIDWAY = 40, 120
SHARDS = 3  # 301 recipients by 150


@contextmanager
def frozen(server: EmbeddedRedis) -> Iterator[None]:
    """Within, the server stands still."""
    pid = server.pid()
    assert pid
    os.kill(pid, signal.SIGSTOP)
    yield
    os.kill(pid, signal.SIGCONT)


def test_a_send_that_is_killed_three_times_reaches_everybody_once(desk: Desk, sink: Sink, own_redis: EmbeddedRedis) -> None:
    """Killed while it decides, between claim and answer, and in the middle of the hand-off: each recipient is at most once
    at the server, exactly once but for those reported unknown, and the account adds up."""
    sink.start("--hold-after", str(HELD))
    desk.set(esp=sink.url, redis_url=own_redis.url)

    sending = desk.start("send", "news")
    wait_until(lambda: desk.sends or sending.over(), "the send to be opened")
    with frozen(own_redis):  # it can select, and cannot publish what it decided
        wait_until(lambda: desk.finished("audience") == SHARDS, "the audience to be selected")
        sending.kill()
    assert desk.status()["status"] == "interrupted"
    assert sink.recipients == []

    resuming = desk.start("resume")
    wait_until(lambda: sink.count > HELD + 1, "letters that are claimed and not answered")
    resuming.kill()

    sink.restart()
    before = sink.count
    resuming = desk.start("resume")
    wait_until(lambda: sink.count >= before + MIDWAY - HELD, "the middle of the hand-off")
    resuming.kill()

    account = desk.does("resume", "--json").json["account"]
    again = desk.status()
    received = Counter(sink.recipients)
    unknown = sum(account["unknown"].values())
    assert again["status"] == "finished" and again["account"] == account
    assert set(received.values()) == {1}
    assert account["handed_off"] + unknown == CONSENTING
    assert account["handed_off"] <= len(received) <= CONSENTING
    assert 0 < unknown <= 2 * 2 * 2 * 5  # two deaths, two shards side by side, two connections each, batches of five
    assert account["audience"] == account["handed_off"] + unknown + sum(account["excluded"].values()) + sum(account["failed"].values())
    assert account["adds_up"] and account["pending"] == 0
