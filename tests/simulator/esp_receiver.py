"""A receiver of webhooks on loopback that keeps what it is posted and answers as it is told."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

import orjson


@dataclass(frozen=True)
class Posted:
    """One POST; names of headers in lower case."""

    provider: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body read as JSON."""
        return orjson.loads(self.body)


@dataclass
class Receiver:
    """What was posted. `refusing`: how many posts are answered 503 before the next is taken."""

    url: str = ""
    refusing: int = 0
    posted: list[Posted] = field(default_factory=list)
    refused: list[Posted] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def take(self, posted: Posted) -> int:
        """The status to answer."""
        with self._lock:
            if self.refusing:
                self.refusing -= 1
                self.refused.append(posted)
                return 503
            self.posted.append(posted)
            return 200


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver for as long as the block lasts."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(receiver.take(Posted(self.path.rpartition("/")[2], headers, body)))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hooks"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
