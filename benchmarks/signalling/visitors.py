"""Visitors of the shop: they do things at a steady rate, and look for what was decided for them until it has changed."""

import base64
import http.client
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from benchmarks.signalling.shop import CATEGORIES, HERO, SEARCHED
from domain.ids import RecipientId
from runtime.clock import now
from storage.decision_store import DecisionStore

_PATIENCE = 30.0  # seconds for an answer
_CONNECTIONS = 8
_LOOK = 0.02  # seconds between looks for changed decisions


@dataclass(slots=True)
class Seen:
    """What came of the signals that were waited for. `seconds` from before a request began until the changed decision could be read."""

    seconds: list[float] = field(default_factory=list)
    began: list[float] = field(default_factory=list)
    waiting: dict[str, float] = field(default_factory=dict)
    refused: int = 0


class Visitors:
    """So many threads that post at a rate, and one that looks."""

    def __init__(
        self, calls: Sequence[Sequence[dict[str, object]]], *, port: int, key: str, per_second: float, store: DecisionStore
    ) -> None:
        self._calls, self._port, self._store = deque(enumerate(calls)), port, store
        self._authorisation = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
        self._per_second, self._lock = per_second, threading.Lock()
        self.seen, self._began, self._ended = Seen(), 0.0, False
        self._threads = [threading.Thread(target=self._post_all, daemon=True) for _ in range(_CONNECTIONS)]
        self._looking = threading.Thread(target=self._look, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._began = time.perf_counter()
        for thread in (*self._threads, self._looking):
            thread.start()

    def join(self, patience: float) -> float:
        """Wait until everything is posted, and for what is still to change. Returns the seconds that posting took."""
        for thread in self._threads:
            thread.join()
        took = time.perf_counter() - self._began
        deadline = time.perf_counter() + patience
        while self.seen.waiting and time.perf_counter() < deadline:
            time.sleep(_LOOK)
        self._ended = True
        self._looking.join()
        return took

    def _post_all(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE)
        while True:
            try:
                number, batch = self._calls.popleft()
            except IndexError:
                return
            time.sleep(max(0.0, self._began + number / self._per_second - time.perf_counter()))
            self._post(connection, batch)

    def _post(self, connection: http.client.HTTPConnection, batch: Sequence[dict[str, object]]) -> None:
        at = time.perf_counter()
        with self._lock:
            self.seen.waiting |= {str(call["userId"]): at for call in batch if call["event"] == "Products Searched"}
        head = {"content-type": "application/json", "authorization": self._authorisation}
        connection.request("POST", "/v1/events", orjson.dumps({"batch": batch}), head)
        answer = connection.getresponse()
        answer.read()
        if answer.status != http.HTTPStatus.OK:
            with self._lock:
                self.seen.refused += 1

    def _look(self) -> None:
        while not self._ended:
            with self._lock:
                waiting = list(self.seen.waiting.items())
            for who, at in waiting:
                held = self._store.get(RecipientId(who), HERO, now(), ())
                if held.send_id and "+" in held.send_id:
                    with self._lock:
                        del self.seen.waiting[who]
                        self.seen.seconds.append(time.perf_counter() - at)
                        self.seen.began.append(at)
            time.sleep(_LOOK)


def calls_of(searching: Sequence[str], looking: Sequence[str], signals: int, *, every: int, batch: int) -> list[list[dict[str, object]]]:
    """So many calls in requests of `batch`: one in `every` is a search by somebody who has done nothing yet; in the others people look
    around."""
    flat = [_search(searching[number // every], number) if number % every == 0 else _look(looking, number) for number in range(signals)]
    return [flat[start : start + batch] for start in range(0, signals, batch)]


def _search(who: str, number: int) -> dict[str, object]:
    return _track(who, "Products Searched", number, query=SEARCHED[CATEGORIES[number % len(CATEGORIES)]])


def _look(looking: Sequence[str], number: int) -> dict[str, object]:
    """Mostly products, now and then how far somebody scrolled."""
    who = looking[number * 7 % len(looking)]
    if number % 5 == 1:
        return _track(who, "Scroll", number, depth=50)
    return _track(who, "Product Viewed", number, product_id=f"p{number % 20}", category=CATEGORIES[number % 3])


def _track(who: str, event: str, number: int, **properties: object) -> dict[str, object]:
    return {"type": "track", "event": event, "userId": who, "messageId": f"{event}-{number}", "properties": properties}
