"""The Redis protocol (RESP2) by hand, for the two places where a client library costs more than the server: bulk writes, served reads.

Commands are packed by us and sent many at a time; answers are read by hiredis' parser in C. Where to connect, and how to say who we are,
is taken from the same URLs that redis-py reads.
"""

import socket
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import hiredis
from redis.connection import SSLConnection, parse_url

from domain.errors import InputError

_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class RedisPlace:
    """Where a server is. `path`: of its Unix socket, else empty."""

    host: str
    port: int
    path: str
    greeting: bytes = field(repr=False)  # AUTH and SELECT, as far as they are needed
    greetings: int
    tls: ssl.SSLContext | None = None

    @staticmethod
    def of(url: str) -> "RedisPlace":
        """Read a URL (redis, rediss or unix). Raises InputError for what is none."""
        try:
            told = parse_url(url)  # type: ignore[no-untyped-call]  # it has no types
        except ValueError:
            raise InputError("not a Redis URL", hint="such as redis://host:6379/0 or unix:///path/to/redis.sock") from None
        commands = list(_greetings(told))
        tls = _tls_of(told) if told.get("connection_class") is SSLConnection else None
        host, port = str(told.get("host", "localhost")), int(told.get("port", 6379))
        return RedisPlace(host, port, str(told.get("path", "")), b"".join(commands), len(commands), tls)


def packed(*words: bytes) -> bytes:
    """A command."""
    return b"*%d\r\n%b" % (len(words), b"".join(map(bulk, words)))


def bulk(word: bytes) -> bytes:
    """A word of a command."""
    return b"$%d\r\n%b\r\n" % (len(word), word)


class Wire:
    """One connection that waits for its answers: many commands at a time, nothing in between. Raises OSError and hiredis' errors."""

    def __init__(self, place: RedisPlace, patience: float) -> None:
        self._socket = _connected(place, patience)
        self._reader = hiredis.Reader()
        if place.greetings:
            self.ask(place.greeting, place.greetings)

    def ask(self, commands: bytes, count: int) -> list[Any]:
        """Send `count` packed commands; their answers in order. The first that is an error is raised."""
        self._socket.sendall(commands)
        answers = list[Any]()
        while len(answers) < count:
            if (answer := self._reader.gets()) is False:
                self._feed()
            else:
                answers.append(answer)
        if wrong := next((one for one in answers if isinstance(one, hiredis.ReplyError)), None):
            raise wrong
        return answers

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def _feed(self) -> None:
        data = self._socket.recv(_CHUNK)
        if not data:
            raise ConnectionResetError("the server closed the connection")
        self._reader.feed(data)


def _connected(place: RedisPlace, patience: float) -> socket.socket:
    if place.path:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(patience)
        connection.connect(place.path)
        return connection
    connection = socket.create_connection((place.host, place.port), timeout=patience)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return place.tls.wrap_socket(connection, server_hostname=place.host) if place.tls else connection


def _greetings(told: Any) -> Iterable[bytes]:
    password, user = told.get("password"), told.get("username")
    if password:
        yield packed(b"AUTH", *([str(user).encode()] if user else []), str(password).encode())
    if number := int(told.get("db", 0) or 0):
        yield packed(b"SELECT", b"%d" % number)


def _tls_of(told: Any) -> ssl.SSLContext:
    """As redis-py has it: certificates are checked unless the URL says `ssl_cert_reqs=none`."""
    context = ssl.create_default_context(cafile=told.get("ssl_ca_certs"))
    if told.get("ssl_cert_reqs") in {"none", ssl.CERT_NONE}:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if certificate := told.get("ssl_certfile"):
        context.load_cert_chain(certificate, told.get("ssl_keyfile"))
    return context


def joined(commands: Sequence[bytes]) -> tuple[bytes, int]:
    """Commands as `Wire.ask` takes them."""
    return b"".join(commands), len(commands)
