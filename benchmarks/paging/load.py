"""Load on a server from a process of its own. `python -m benchmarks.paging.load PORT REQUESTS ROWS RATE SECONDS CONNECTIONS CORE`

REQUESTS is a file of request targets, one a line; they are asked for over and over. At a RATE (requests per second) they leave at instants
that are fixed beforehand, however slow the answers are, and latency counts from that instant (Schroeder et al., "Open versus closed", NSDI
2006): a server that stalls is charged with everything that should have been asked meanwhile. At rate 0 every connection asks again as soon
as it is answered: how much gets through. What came of each request goes into ROWS (.npy): float64[n, 4], when it was to leave (seconds of
this machine's monotonic clock), how long it took, its status (0: none came), whether the decision was the recipient's own.
"""

import os
import select
import socket
import sys
import time
from collections import deque
from pathlib import Path

import numpy as np

_PATIENCE = 5.0  # seconds that are waited for answers at the end
_OWN = b'"chosen_for":"recipient"'
Row = tuple[float, float, float, float]


class Connection:
    """One connection, and the request it waits for."""

    __slots__ = ("due", "held", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.due, self.held = 0.0, b""

    def ask(self, request: bytes, due: float) -> None:
        """Send a request."""
        self.due, self.held = due, b""
        self.socket.sendall(request)

    def read(self) -> Row | None:
        """What came, once all of it is there. A connection that was closed answers with status 0."""
        data = self.socket.recv(65_536)
        self.held = held = self.held + data if self.held else data
        head = held.find(b"\r\n\r\n")
        if data and (head < 0 or len(held) < head + 4 + _length(held, head)):
            return None
        status = float(held[9:12]) if len(held) > 12 else 0.0
        return self.due, time.perf_counter() - self.due, status, float(_OWN in held)


def _length(held: bytes, head: int) -> int:
    at = held.find(b"content-length: ", 0, head)
    return int(held[at + 16 : held.index(b"\r", at)]) if at >= 0 else 0


def at_rate(port: int, requests: list[bytes], rate: float, seconds: float, connections: int) -> list[Row]:
    """Requests at fixed instants; one that finds no free connection leaves late, and is charged for it."""
    free = deque(Connection(port) for _ in range(connections))
    busy: dict[socket.socket, Connection] = {}
    rows = list[Row]()
    total, sent = int(rate * seconds), 0
    began = time.perf_counter() + 0.05
    last = began + seconds + _PATIENCE
    while len(rows) < total and (now := time.perf_counter()) < last:
        while free and sent < total and (due := began + sent / rate) <= now:
            one = free.popleft()
            one.ask(requests[sent % len(requests)], due)
            busy[one.socket] = one
            sent += 1
        wait = began + sent / rate - now if free and sent < total else last - now
        # select() keeps to microseconds, where epoll rounds to milliseconds
        for ready in select.select(list(busy), [], [], max(wait, 0.0))[0]:
            if (row := busy[ready].read()) is not None:
                rows.append(row)
                one = busy.pop(ready)
                free.append(one if row[2] else Connection(port))
    rows += [(began + number / rate, last - began - number / rate, 0.0, 0.0) for number in range(sent, total)]
    return rows + [(one.due, last - one.due, 0.0, 0.0) for one in busy.values()]


def at_most(port: int, requests: list[bytes], seconds: float, connections: int) -> list[Row]:
    """As many requests as are answered."""
    everyone = {one.socket.fileno(): one for one in (Connection(port) for _ in range(connections))}
    poller = select.epoll()
    rows, sent = list[Row](), 0
    began = time.perf_counter()
    for number, one in everyone.items():
        poller.register(number, select.EPOLLIN)
        one.ask(requests[sent := sent + 1], time.perf_counter())
    while time.perf_counter() < began + seconds:
        for number, _ in poller.poll(1.0):
            if (row := everyone[number].read()) is not None:
                rows.append(row)
                sent += 1
                everyone[number].ask(requests[sent % len(requests)], time.perf_counter())
    return rows


def main() -> None:
    """Ask, and keep what came."""
    port, targets, target = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    rate, seconds, connections, core = float(sys.argv[4]), float(sys.argv[5]), int(sys.argv[6]), int(sys.argv[7])
    if core >= 0:
        os.sched_setaffinity(0, {core})
    head = b"HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: load\r\naccept: */*\r\n\r\n"
    requests = [b"GET %b %b" % (line.encode(), head) for line in targets.read_text().split()]
    rows = at_rate(port, requests, rate, seconds, connections) if rate else at_most(port, requests, seconds, connections)
    np.save(target, np.array(rows).reshape(-1, 4))
    print("{}")


if __name__ == "__main__":
    main()
