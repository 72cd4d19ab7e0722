"""The benchmarks `placements` and `keys`: what is asked is answered, and what is told is what was measured."""

import socket
import threading
from contextlib import suppress

import numpy as np
import pytest

from benchmarks.keys import LAYOUTS, QUICK, figures_of
from benchmarks.paging.load import at_most, at_rate
from benchmarks.placements import percentiles

_ANSWER = b'HTTP/1.1 200 OK\r\ncontent-length: 26\r\n\r\n{"chosen_for":"recipient"}'


@pytest.fixture
def port() -> int:
    """A server that answers every request alike, in two pieces, and hangs up on one that asks for /bye."""
    listening = socket.create_server(("127.0.0.1", 0))

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):  # whoever asked may be gone
            while asked := connection.recv(4_096):
                if b"/bye" in asked:
                    return
                connection.sendall(_ANSWER[:40])
                connection.sendall(_ANSWER[40:])

    def accept() -> None:
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return int(listening.getsockname()[1])


def request(path: bytes) -> bytes:
    """A request."""
    return b"GET %b HTTP/1.1\r\nhost: x\r\n\r\n" % path


def test_every_request_at_a_rate_is_accounted_for(port: int) -> None:
    """Each has an instant, a time and a status; a hundred a second for half a second are fifty, evenly apart."""
    rows = np.array(at_rate(port, [request(b"/")], 100, 0.5, 4))
    assert rows.shape == (50, 4)
    assert set(rows[:, 2]) == {200.0}
    assert set(rows[:, 3]) == {1.0}
    assert np.allclose(np.diff(np.sort(rows[:, 0])), 0.01)


def test_what_was_not_answered_is_told_so(port: int) -> None:
    """A connection that is closed in place of an answer is status 0, and the next request has another one."""
    rows = np.array(at_rate(port, [request(b"/"), request(b"/bye")], 100, 0.2, 4))
    assert sorted(rows[:, 2]) == [0.0] * 10 + [200.0] * 10


def test_connections_ask_again_when_they_are_answered(port: int) -> None:
    """More requests than connections come through."""
    assert len(at_most(port, [request(b"/")] * 3, 0.3, 2)) > 2


def test_percentiles_are_milliseconds() -> None:
    """Of the time that requests took."""
    rows = np.array([[0.0, second / 1_000, 200.0, 1.0] for second in range(1, 1_002)])
    assert percentiles(rows)["p50_ms"] == pytest.approx(501)
    assert percentiles(rows)["p99_ms"] == pytest.approx(991)


def test_fifty_million_are_projected_from_the_largest_size() -> None:
    """But for the chosen layout, which is measured as full as they would make it."""
    told = {
        (name, size): {"bytes_per_recipient": 100.0 + 100 * (size == 20_000), "recipients_per_s": 1.0}
        for size in QUICK.sizes
        for name in LAYOUTS
    }
    figures = figures_of(QUICK, told, dense=2**30 / 50_000_000)
    projected = figures["gib_at_50m"]
    assert isinstance(projected, dict)
    assert projected["chosen"] == pytest.approx(1.0)
    assert projected["plain"] == pytest.approx(200 * 50_000_000 / 2**30)
    assert figures["growth"] == dict.fromkeys(LAYOUTS, 2.0)
