"""Keeps posts durably, many in one transaction: what arrives while one commit is under way shares the next."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import NamedTuple

from domain.webhook import WebhookPost
from web.parts import Inbox

_TOGETHER = 500  # posts in one transaction
_BYTES = 8_000_000


class _Asked(NamedTuple):
    post: WebhookPost
    answer: asyncio.Future[bool]
    loop: asyncio.AbstractEventLoop


class WebhookWriter:
    """One thread that writes. `kept` is called after every commit."""

    def __init__(self, inbox: Inbox, kept: Callable[[], None]) -> None:
        self._inbox, self._kept = inbox, kept
        self._asked: SimpleQueue[_Asked | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="webhook-writer", daemon=True)

    def start(self) -> None:
        """Start to write."""
        self._thread.start()

    def close(self) -> None:
        """Write what was asked for, then stop."""
        self._asked.put(None)
        self._thread.join()

    async def keep(self, post: WebhookPost) -> bool:
        """True once the post is on disk; False if its token vouched for another before. Raises what the database raises."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bool] = loop.create_future()
        self._asked.put(_Asked(post, answer, loop))
        return await answer

    def _run(self) -> None:
        while (first := self._asked.get()) is not None:
            batch, last = self._gathered(first)
            self._write(batch)
            if last:
                return

    def _gathered(self, first: _Asked) -> tuple[list[_Asked], bool]:
        """All that is asked by now; and whether that was the last."""
        batch, size = [first], len(first.post.body)
        while len(batch) < _TOGETHER and size < _BYTES:
            try:
                asked = self._asked.get_nowait()
            except Empty:
                break
            if asked is None:
                return batch, True
            batch.append(asked)
            size += len(asked.post.body)
        return batch, False

    def _write(self, batch: Sequence[_Asked]) -> None:
        try:
            refused = self._inbox.append([asked.post for asked in batch])
        except Exception as error:  # whatever it is, those who wait for an answer get it
            fault = error
            _answer(batch, lambda asked: asked.answer.set_exception(fault))
            return
        self._kept()
        _answer(batch, lambda asked: asked.answer.set_result(asked.post.post_id not in refused))


def _answer(batch: Sequence[_Asked], give: Callable[[_Asked], None]) -> None:
    """Answer in the loops that wait: once per loop, not once per post. Who no longer waits gets none."""

    def give_all(waiting: Sequence[_Asked]) -> None:
        for asked in waiting:
            if not asked.answer.done():
                give(asked)

    for loop in {asked.loop for asked in batch}:
        if not loop.is_closed():
            loop.call_soon_threadsafe(give_all, [asked for asked in batch if asked.loop is loop])
