"""One connection to Redis that all requests of a process share, and what stands between it and them when Redis is slow or gone.

Commands of one turn of the event loop leave in one packet; answers come in the order of the commands. A request waits for its answer for
the budget at most: one timer looks after all of them, and an answer that comes too late is dropped at its place in the order, so that no
request ever gets another's. After a few late ones in a row the connection is given up and the breaker is open: requests are told so at
once. A probe of our own finds out when Redis answers within the budget again. Nobody waits for the probe.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import hiredis

from domain.serving import Circuit, Trouble
from storage.redis_wire import RedisPlace, packed

Answers = list[Any]
_PROBE = packed(b"PING")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.5  # seconds between two attempts to connect
_CONNECTING = 1.0  # seconds that connecting may take; nobody waits for it


class _Waiting:
    """A request whose answers are not all there. It keeps its place when it is not waited for any more."""

    __slots__ = ("answers", "count", "due", "failed", "future")

    def __init__(self, future: "asyncio.Future[Answers | Trouble]", count: int, due: float) -> None:
        self.future, self.count, self.due = future, count, due
        self.answers: Answers = []
        self.failed = False


class _Link(asyncio.Protocol):
    """One connection, from its start to its end."""

    def __init__(self, budget: float, late: Callable[["_Link", int], None], lost: Callable[["_Link"], None]) -> None:
        self._loop, self._budget, self._late, self._lost = asyncio.get_running_loop(), budget, late, lost
        self._reader = hiredis.Reader()
        self._waiting: deque[_Waiting] = deque()
        self._leaving: list[bytes] = []
        self._watched = False
        self._transport: asyncio.Transport | None = None
        self.in_a_row = 0  # requests that were late, since the last that was not

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by birth

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Whoever still waits is told."""
        self._transport = None
        for waiting in self._waiting:
            _tell(waiting, Trouble.AWAY)
        self._waiting.clear()
        self._lost(self)

    def ask(self, commands: bytes, count: int) -> "asyncio.Future[Answers | Trouble]":
        """Send packed commands with the others of this turn; their answers, or that they are late."""
        waiting = _Waiting(self._loop.create_future(), count, self._loop.time() + self._budget)
        self._waiting.append(waiting)
        if not self._leaving:
            self._loop.call_soon(self._leave)
        self._leaving.append(commands)
        if not self._watched:
            self._watched = True
            self._loop.call_at(waiting.due, self._when_due)
        return waiting.future

    def data_received(self, data: bytes) -> None:
        """Answers, each to the request whose turn it is."""
        reader, queue = self._reader, self._waiting
        reader.feed(data)
        while queue and (answer := reader.gets()) is not False:
            waiting = queue[0]
            waiting.answers.append(answer)
            waiting.failed |= type(answer) is hiredis.ReplyError
            if len(waiting.answers) == waiting.count:
                queue.popleft()
                self._answered(waiting)

    def watched_by(self, late: Callable[["_Link", int], None]) -> None:
        """Who is told of late answers from now on."""
        self._late = late

    def end(self) -> None:
        """Give the connection up."""
        if self._transport is not None:
            self._transport.abort()

    def _leave(self) -> None:
        if self._transport is not None:
            self._transport.write(b"".join(self._leaving))
        self._leaving.clear()

    def _answered(self, waiting: _Waiting) -> None:
        if waiting.failed:  # it loads its data, or does not let us in
            _tell(waiting, Trouble.AWAY)
        elif not waiting.future.done():
            self.in_a_row = 0
            waiting.future.set_result(waiting.answers)

    def _when_due(self) -> None:
        """Judged a turn later: some loops run timers before they read, and after a pause of our own all answers may be there."""
        self._loop.call_soon(self._loop.call_soon, self._judge)

    def _judge(self) -> None:
        now, late = self._loop.time(), 0
        for waiting in self._waiting:
            if waiting.due > now:
                break
            late += _tell(waiting, Trouble.SLOW)
        open_still = (waiting.due for waiting in self._waiting if waiting.due > now)
        if (due := next(open_still, None)) is not None:
            self._loop.call_at(due, self._when_due)
        else:
            self._watched = False
        if late:
            self.in_a_row += late
            self._late(self, self.in_a_row)


def _tell(waiting: _Waiting, trouble: Trouble) -> bool:
    if waiting.future.done():
        return False
    waiting.future.set_result(trouble)
    return True


class SharedRedis:
    """The connection as requests see it: there, or not there and why. Belongs to one event loop; in another it begins anew."""

    def __init__(self, place: RedisPlace, budget: float, *, failures: int = 5) -> None:
        self._place, self._budget, self._failures = place, budget, failures
        self._loop: asyncio.AbstractEventLoop | None = None
        self._link: _Link | None = None
        self._why = Trouble.AWAY
        self._attempts: asyncio.Task[None] | None = None
        self.circuit = Circuit.OPEN
        self.connections = 0  # that were made: who keeps what Redis said asks anew after another one

    async def start(self, patience: float) -> bool:
        """Connect, and wait so many seconds for it; it goes on connecting in the background. Whether it is there."""
        self._begin()
        deadline = asyncio.get_running_loop().time() + patience
        while self._link is None and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.002)
        return self._link is not None

    def ask(self, commands: bytes, count: int) -> "asyncio.Future[Answers | Trouble] | Trouble":
        """Send packed commands: the future of their answers, or why nobody is asked."""
        if self._link is None:
            return self._why
        return self._link.ask(commands, count)

    def usable(self) -> bool:
        """Whether it was tried to connect in a loop that still runs: if not, `start` comes first.

        Not `get_running_loop`, which asks the system for our pid each time.
        """
        return self._loop is not None and not self._loop.is_closed()

    def close(self) -> None:
        """End the connection for good."""
        if self._loop is not None and not self._loop.is_closed():
            if self._attempts is not None:
                self._attempts.cancel()
            if self._link is not None:
                self._link.end()
        self._loop, self._link, self._attempts = None, None, None

    def _begin(self) -> None:
        if self.usable():
            return
        self._loop, self._link, self.circuit, self._why = asyncio.get_running_loop(), None, Circuit.OPEN, Trouble.AWAY
        self._attempts = self._loop.create_task(self._connect())

    def _late(self, link: _Link, in_a_row: int) -> None:
        if link is self._link and in_a_row >= self._failures:
            self._give_up(Trouble.OPEN)
            link.end()

    def _lost(self, link: _Link) -> None:
        if link is self._link:
            self._give_up(Trouble.AWAY)

    def _give_up(self, why: Trouble) -> None:
        assert self._loop is not None  # noqa: S101 - a link has one
        self._link, self._why, self.circuit = None, why, Circuit.OPEN
        self._attempts = self._loop.create_task(self._connect())

    async def _connect(self) -> None:
        """Until there is a connection that answers within the budget."""
        pause = _FIRST_PAUSE
        while (link := await self._attempt()) is None:
            self.circuit = Circuit.OPEN
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        self._link, self.circuit = link, Circuit.CLOSED
        self.connections += 1

    async def _attempt(self) -> _Link | None:
        link = _Link(self._budget, lambda _link, _count: None, self._lost)
        try:
            async with asyncio.timeout(_CONNECTING):
                await self._open(link)
                self.circuit = Circuit.HALF_OPEN
                answers = await link.ask(self._place.greeting + _PROBE, self._place.greetings + 1)
        except (OSError, TimeoutError):
            answers = Trouble.AWAY
        except asyncio.CancelledError:
            link.end()
            raise
        if isinstance(answers, Trouble):
            link.end()
            return None
        link.watched_by(self._late)
        return link

    async def _open(self, link: _Link) -> None:
        assert self._loop is not None  # noqa: S101 - see _begin
        place = self._place
        if place.path:
            await self._loop.create_unix_connection(lambda: link, place.path)
        else:
            await self._loop.create_connection(lambda: link, place.host, place.port, ssl=place.tls)
