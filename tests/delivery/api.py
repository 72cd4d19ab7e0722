"""A real HTTP server on loopback that keeps what it is asked and answers, or misbehaves, as it is told."""

import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Asked:
    """A call as it came in; names of headers in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body read as JSON."""
        return orjson.loads(self.body)


@dataclass(frozen=True, slots=True)
class Told:
    """An answer. `missing`: bytes that the length promises and that never come. `after`: seconds to think before."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    missing: int = 0
    after: float = 0.0


def told(status: int, content: object = None, **headers: str) -> Told:
    """An answer in JSON; headers as `retry_after`."""
    return Told(status, b"" if content is None else orjson.dumps(content), {name.replace("_", "-"): v for name, v in headers.items()})


CUT = Told(0)  # close without a word, after all was read
Answering = Callable[[Asked], Told]


@dataclass
class Api:
    """What a server was asked, over how many connections, and where it is. `reset_early`: break off while the body is coming."""

    answer: Answering
    reset_early: bool = False
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    @property
    def place(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self.port}"


@contextmanager
def answering(answer: Answering, *, reset_early: bool = False, context: ssl.SSLContext | None = None) -> Iterator[Api]:
    """A server for as long as the block lasts."""
    api = Api(answer, reset_early)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(api))
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # broken connections are what is tested
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    api.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def unused_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _handler(api: Api) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            api.connections += 1

        def do_POST(self) -> None:
            self._take()

        def do_GET(self) -> None:
            self._take()

        def _take(self) -> None:
            if api.reset_early:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            asked = Asked(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            api.asked.append(asked)
            self._say(api.answer(asked))

        def _say(self, told: Told) -> None:
            time.sleep(told.after)
            self.close_connection = told is CUT or told.missing > 0
            if told is CUT:
                return
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(told.body) + told.missing))
            self.end_headers()
            self.wfile.write(told.body)

        def log_message(self, format: str, *args: Any) -> None:
            """Silent."""

    return Handler
