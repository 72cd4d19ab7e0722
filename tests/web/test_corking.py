"""Answers leave in one packet each, whole and in order."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from web.corking import CorkedProtocol, CorkedTransport


class Sink(asyncio.Transport):
    """Notes what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:  # type: ignore[override]
        self.written.append(data)

    def close(self) -> None:
        self.closed = True


def test_a_turns_writes_are_one() -> None:
    """Whatever is written within a turn of the loop goes out together at its end; what is closed was sent."""

    async def run() -> None:
        sink = Sink()
        corked = CorkedTransport(sink, asyncio.get_running_loop())
        corked.write(b"head")
        corked.write(b"body")
        assert sink.written == []
        await asyncio.sleep(0)
        assert sink.written == [b"headbody"]
        corked.write(b"more")
        corked.close()
        assert (sink.written, sink.closed) == ([b"headbody", b"more"], True)

    asyncio.run(run())


async def echo(scope: Scope, _receive: Receive, send: Send) -> None:
    """Answers with its path, in pieces; a large one under /large."""
    if scope["type"] != "http":
        return
    body = b"x" * 2_000_000 if scope["path"] == "/large" else scope["path"].encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body[:3], "more_body": True})
    await send({"type": "http.response.body", "body": body[3:]})


@pytest.fixture
def url() -> Iterator[str]:
    """A running server."""
    listening = socket.create_server(("127.0.0.1", 0))
    options = uvicorn.Config(echo, http=CorkedProtocol, log_level="error", lifespan="off")
    server = uvicorn.Server(options)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()


def test_answers_are_whole(url: str) -> None:
    """Short and long ones, on a connection that is kept and on one that is not."""
    with httpx.Client() as client:
        assert [client.get(f"{url}/{n}").text for n in range(20)] == [f"/{n}" for n in range(20)]
        assert len(client.get(f"{url}/large").content) == 2_000_000
        assert client.get(f"{url}/last", headers={"connection": "close"}).text == "/last"
