"""The embedded server: one per folder, found again, and its data survives being killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from storage.embedded import EmbeddedRedis
from storage.runs import process_started


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A running server of its own, ended after the test."""
    server = EmbeddedRedis(tmp_path / "redis")
    server.start()
    yield server
    server.stop()


def client_of(server: EmbeddedRedis) -> redis.Redis:
    """A connection to the server."""
    return redis.Redis.from_url(server.url)


def test_data_survives_a_kill(server: EmbeddedRedis) -> None:
    """Everything written before SIGKILL is there when the server runs again."""
    with client_of(server) as client:
        pipeline = client.pipeline(transaction=False)
        for number in range(20_000):
            pipeline.set(f"key-{number}", number)
        pipeline.execute()
    pid = server.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert not server.running()
    assert server.start()
    with client_of(server) as client:
        assert client.dbsize() == 20_000
        assert client.get("key-19999") == b"19999"


def test_a_second_start_finds_the_first(server: EmbeddedRedis) -> None:
    """Starting what runs does nothing; anybody with the folder has the same server."""
    same = EmbeddedRedis(server.directory)
    assert not same.start()
    assert (same.pid(), same.url) == (server.pid(), server.url)


def test_the_server_outlives_who_started_it(tmp_path: Path) -> None:
    """A process that starts the server and ends leaves it running, to be found and stopped by the next."""
    server = EmbeddedRedis(tmp_path)
    code = f"from pathlib import Path; from storage.embedded import EmbeddedRedis; assert EmbeddedRedis(Path({str(tmp_path)!r})).start()"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert server.running()
    assert server.stop()
    assert not server.running()


def test_stopping_keeps_the_data(tmp_path: Path) -> None:
    """A stopped server has written everything out; stopping what does not run says so."""
    server = EmbeddedRedis(tmp_path)
    server.start()
    with client_of(server) as client:
        client.set("key", "kept")
    assert server.stop()
    assert not server.stop()
    server.start()
    with client_of(server) as client:
        assert client.get("key") == b"kept"
    server.stop()


def test_another_process_of_the_same_pid_is_left_alone(tmp_path: Path) -> None:
    """A pid file whose process is gone, the pid being somebody else's by now, is no reason to signal anybody."""
    server = EmbeddedRedis(tmp_path)
    (tmp_path / "server.pid").write_text(f"{os.getpid()} 1")
    assert process_started(os.getpid()) != "1"
    assert server.pid() is None
    assert not server.stop()


def test_a_long_path_still_has_a_socket(tmp_path: Path) -> None:
    """Where the folder's path is too long for a socket the server listens elsewhere, and is found all the same."""
    server = EmbeddedRedis(tmp_path / ("deep" * 20) / ("deeper" * 20))
    server.start()
    assert EmbeddedRedis(server.directory).running()
    assert server.stop()


def test_only_this_user_may_connect(server: EmbeddedRedis) -> None:
    """The socket is private, and there is no port."""
    socket = Path(server.url.removeprefix("unix://"))
    assert socket.stat().st_mode & 0o077 == 0
    with client_of(server) as client:
        assert client.config_get("port")["port"] == "0" or client.config_get("port")["port"] == b"0"
