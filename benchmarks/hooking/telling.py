"""Tells posts to the server as ESPs do: signed at the moment, several at once, and again until the answer is a yes."""

import http.client
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.hooking.world import Post, Signer, World, body_of

_WAIT = 0.2  # seconds after a post that was not taken
_PATIENCE = 30.0
_OK, _FORGED = http.HTTPStatus.OK, http.HTTPStatus.UNAUTHORIZED


@dataclass(slots=True)
class Tally:
    """What became of the posts. `seconds`: of those that were answered with yes."""

    seconds: list[float] = field(default_factory=list)
    taken: int = 0
    forged_taken: int = 0
    refused: int = 0
    again: int = 0
    events: int = 0


class Teller:
    """Tells posts over so many connections."""

    def __init__(self, world: World, posts: Sequence[Post], *, port: int, connections: int) -> None:
        self._world, self._port = world, port
        self._left = deque(posts)
        self._lock = threading.Lock()
        self._genuine, self._forger = Signer(), Signer(genuine=False)
        self.total, self.tally = len(posts), Tally()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(connections)]
        self._under_way = 0

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    @property
    def answered(self) -> int:
        """Posts that were answered for good."""
        return self.tally.taken + self.tally.refused

    @property
    def done(self) -> bool:
        """Whether all are."""
        return self.answered >= self.total

    def join(self) -> None:
        """Wait until all are."""
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE)
        while not self.done:
            try:
                post = self._left.popleft()
            except IndexError:
                time.sleep(0.01)  # another thread's may come back
                continue
            began = time.perf_counter()
            status = self._tell(connection, post)
            self._note(post, status, time.perf_counter() - began)

    def _tell(self, connection: http.client.HTTPConnection, post: Post) -> int:
        body, headers = self._signed(post)
        try:
            connection.request("POST", f"/webhooks/{post.provider}", body, {"content-type": "application/json", **headers})
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return 0
        return answer.status

    def _signed(self, post: Post) -> tuple[bytes, dict[str, str]]:
        """A forgery is signed with another key. Garbage is half of a post: of every other one its signature is right all the same."""
        body, name, at = body_of(self._world, post), f"e{post.events[0]:08d}", int(time.time())
        signer = self._forger if post.trick == "forged" else self._genuine
        half = post.trick == "malformed"
        if half and post.events[0] % 2:
            body = body[: len(body) // 2]
        signed, headers = signer.signed(post.provider, body, name, at)
        return signed[: len(signed) // 2] if half and not post.events[0] % 2 else signed, dict(headers)

    def _note(self, post: Post, status: int, seconds: float) -> None:
        with self._lock:
            if status == _OK:
                self.tally.taken += 1
                self.tally.seconds.append(seconds)
                self.tally.forged_taken += post.trick == "forged"
                self.tally.events += len(post.events)
                return
            if status == _FORGED and post.trick:
                self.tally.refused += 1
                return
            self.tally.again += 1
        time.sleep(_WAIT)
        self._left.append(post)
