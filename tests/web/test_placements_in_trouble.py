"""Redis is stopped, killed and started again while pages ask: every one of them is answered, and what was decided comes back by itself."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import uvicorn

from benchmarks.paging.load import Row, at_rate
from domain.serving import Circuit
from storage.database import Database
from storage.decision_reader import DecisionReader
from storage.decision_store import DecisionStore
from storage.embedded import EmbeddedRedis
from tests.web.serving import AT, HERO, Served, served
from web.app import create_app
from web.corking import CorkedProtocol

_RATE, _SECONDS = 100, 4.0
_PATIENT = 5.0  # seconds: a busy machine is no fault of ours


@pytest.fixture
def parts(sqlite_database: Database, own_redis: EmbeddedRedis) -> Served:
    """Something decided for r1, and half a second's patience with Redis."""
    parts = served(sqlite_database, DecisionStore(own_redis.url), own_redis.url)
    parts.placements.reader = DecisionReader(own_redis.url, budget=timedelta(seconds=0.5))
    return parts


@pytest.fixture
def port(parts: Served) -> Iterator[int]:
    """A running server, as `letterpress serve` runs it."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(parts), http=CorkedProtocol, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield int(listening.getsockname()[1])
    server.should_exit = True
    thread.join()


def under_load(port: int, parts: Served, trouble: Callable[[], None]) -> list[Row]:
    """What pages get while there is trouble."""
    token = parts.placements.tokens.sign("r1", AT + timedelta(hours=1))
    request = f"GET /v1/placements/{HERO}?recipient={token} HTTP/1.1\r\nhost: x\r\n\r\n".encode()
    with ThreadPoolExecutor(1) as threads:
        rows = threads.submit(at_rate, port, [request], _RATE, _SECONDS, 32)
        time.sleep(0.5)
        trouble()
        return rows.result()


def stop_and_go(redis: EmbeddedRedis) -> None:
    """SIGSTOP for a second."""
    pid = redis.pid()
    assert pid
    os.kill(pid, signal.SIGSTOP)
    time.sleep(1)
    os.kill(pid, signal.SIGCONT)


def kill_and_start(redis: EmbeddedRedis) -> None:
    """SIGKILL, and a new start a second later."""
    pid = redis.pid()
    assert pid
    os.kill(pid, signal.SIGKILL)
    time.sleep(1)
    redis.start()


@pytest.mark.parametrize("trouble", [stop_and_go, kill_and_start])
def test_nobody_notices_but_by_the_default(
    parts: Served, port: int, own_redis: EmbeddedRedis, trouble: Callable[[EmbeddedRedis], None]
) -> None:
    """200 for every request, the default while Redis is away, and the decision before and after."""
    rows = under_load(port, parts, lambda: trouble(own_redis))
    assert len(rows) == _RATE * _SECONDS
    assert {status for _, _, status, _ in rows} == {200.0}
    assert max(took for _, took, _, _ in rows) < _PATIENT
    own = [personal for _, _, _, personal in sorted(rows)]
    assert own[0] == 1.0
    assert 0.0 in own
    deadline = time.monotonic() + 60
    while parts.placements.reader.circuit is not Circuit.CLOSED and time.monotonic() < deadline:
        time.sleep(0.05)
    assert all(personal for _, _, _, personal in under_load(port, parts, lambda: None)[-50:])
