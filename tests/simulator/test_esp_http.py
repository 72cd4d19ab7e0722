"""The simulated ESP's reading of HTTP: what clients do that no adapter of ours does."""

import socket
from collections.abc import Sequence
from contextlib import closing

import orjson
import pytest

from simulator.esp.handle import SimulatedEsp
from tests.simulator import esp_calls as calls
from tests.simulator.esp_calls import address, name

BODY = orjson.dumps([{"From": "a@shop.example", "To": address(1), "Subject": "x", "TextBody": "t", "Metadata": {"message_id": name(1)}}])
HEAD = b"POST /email/batch HTTP/1.1\r\nHost: esp\r\nX-Postmark-Server-Token: k\r\n"
WITH_LENGTH = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY)


def said(esp: SimulatedEsp, *pieces: bytes, answers: int = 1) -> bytes:
    """What the server says to these pieces, sent one after the other: so many answers, or all until it hangs up."""
    host, port = esp.host.split(":")
    with closing(socket.create_connection((host, int(port)), timeout=10)) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            line.sendall(piece)
        heard = b""
        while heard.count(b"HTTP/1.1 ") < answers or not _whole(heard):
            data = line.recv(65_536)
            if not data:
                return heard
            heard += data
    return heard


def _whole(heard: bytes) -> bool:
    """Whether the last answer is there to its end."""
    head, gap, body = heard.rpartition(b"HTTP/1.1 ")[2].partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    return bool(gap) and len(body) >= length


def by(size: int, text: bytes) -> Sequence[bytes]:
    """The text in pieces."""
    return [text[at : at + size] for at in range(0, len(text), size)]


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_however_it_is_cut_into_packets(esp: SimulatedEsp, size: int) -> None:
    """A call is read as it comes, in pieces of any size."""
    heard = said(esp, *by(size, WITH_LENGTH + BODY))
    assert heard.startswith(b"HTTP/1.1 200 OK\r\n") and b"\r\ndate: " in heard
    assert esp.accepted("postmark") == {name(1): 1}


@pytest.mark.parametrize("size", [1, 30, 100_000])
def test_chunks(esp: SimulatedEsp, size: int) -> None:
    """A body whose length is not told comes in chunks, with extensions or without."""
    chunks = b"".join(b"%x;of=it\r\n%s\r\n" % (len(piece), piece) for piece in by(40, BODY)) + b"0\r\n\r\n"
    assert said(esp, *by(size, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)).startswith(b"HTTP/1.1 200")
    assert esp.accepted("postmark") == {name(1): 1}


def test_asking_before_the_body_is_sent(esp: SimulatedEsp) -> None:
    """`Expect: 100-continue` is told to go on, as AWS's clients want it."""
    asked = HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY)
    assert said(esp, asked, BODY, answers=2).startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_calls_that_do_not_wait_for_each_other(esp: SimulatedEsp) -> None:
    """Several calls sent at once over one connection are answered in their order, also after one that is answered late."""
    esp.set_faults("postmark#1=late,late_seconds=.2,postmark#2=before")
    heard = said(esp, (WITH_LENGTH + BODY) * 3, answers=3)
    assert [part[:3] for part in heard.split(b"HTTP/1.1 ")[1:]] == [b"200", b"500", b"200"]
    assert esp.accepted("postmark") == {name(1): 2}


@pytest.mark.parametrize(
    "request_", [b"nonsense\r\n\r\n", HEAD + b"Content-Length: many\r\n\r\n", b"GET nowhere HTTP/1.1\r\n\r\n", b"x" * 70_000]
)
def test_what_is_no_http(esp: SimulatedEsp, request_: bytes) -> None:
    """It is told so, and the connection is closed."""
    heard = said(esp, request_, answers=99)
    assert heard.startswith(b"HTTP/1.1 400 Bad Request\r\n") and b"connection: close" in heard


def test_a_connection_is_closed_where_that_is_asked_for(esp: SimulatedEsp) -> None:
    """`Connection: close`, and HTTP/1.0."""
    closing_ = WITH_LENGTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    for asked in (closing_, WITH_LENGTH.replace(b"HTTP/1.1", b"HTTP/1.0")):
        assert said(esp, asked + BODY, answers=99).count(b"200 OK") == 1


def test_an_address_that_is_nobodys(esp: SimulatedEsp) -> None:
    """404, and nothing counts."""
    assert calls.in_json("/v9/nothing", {}).to(esp.url).status_code == 404
    assert esp.accepted() == {}
