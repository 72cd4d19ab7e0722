"""Reads the decisions of a visitor while their page waits: within a time budget, by the one connection that all requests share."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta

from domain.ids import RecipientId
from domain.serving import Circuit, Trouble
from storage.decision_layout import Entries, UnknownWordError, Words, key_of, place_of, unpacked, words_key_of
from storage.redis_link import Answers, SharedRedis
from storage.redis_wire import RedisPlace, packed

READ_BUDGET = timedelta(milliseconds=10)
_STARTING = 0.25  # seconds that the very first request of a process waits for the connection
_WORDS_HOLD = 60.0  # seconds: a server that lost its data gives codes anew
_WORDS_REST = 0.1  # seconds between two looks for a word that nobody knows
_KEPT = 50_000  # values that were read before: few differ, for a send's choices are combinations
_NOTHING: Entries = {}


class _Shelf:
    """What is kept of a campaign between requests."""

    __slots__ = ("read_at", "values", "words")

    def __init__(self, words: Words, read_at: float) -> None:
        self.words, self.read_at = words, read_at
        self.values: dict[bytes, Entries] = {}


class DecisionReader:
    """The published decisions of one Redis server, for `letterpress serve`. Lives in one event loop at a time."""

    def __init__(self, url: str, *, budget: timedelta = READ_BUDGET) -> None:
        self._redis = SharedRedis(RedisPlace.of(url), budget.total_seconds())
        self._shelves: dict[str, _Shelf] = {}
        self._learning: dict[str, asyncio.Task[Trouble | None]] = {}
        self._connection = 0

    @property
    def circuit(self) -> Circuit:
        """How the breaker stands."""
        return self._redis.circuit

    async def start(self) -> bool:
        """Connect; whether Redis is there yet. It is looked for in the background if not."""
        self._learning.clear()
        return await self._redis.start(_STARTING)

    def close(self) -> None:
        """End the connection."""
        self._redis.close()

    async def read(self, who: Sequence[RecipientId], campaigns: Sequence[str]) -> list[Entries] | Trouble:
        """For each recipient what these campaigns hold, stale entries too: in one round trip, or why not. Never raises."""
        if not self._redis.usable():
            await self.start()
        commands = _hget(campaigns[0], *place_of(who[0])) if len(who) == 1 == len(campaigns) else _hgets(who, campaigns)
        asked = self._redis.ask(commands, len(who) * len(campaigns))
        if type(asked) is Trouble:
            return asked
        answers = await asked  # type: ignore[misc]  # a future, then
        if type(answers) is Trouble:
            return answers
        if len(campaigns) > 1:
            return await self._merged(campaigns, answers)
        found = list[Entries]()
        for value in answers:
            known = self._known(campaigns[0], value)
            found.append(await self._understood(campaigns[0], value) if known is None else known)
        return found

    async def _merged(self, campaigns: Sequence[str], answers: Answers) -> list[Entries]:
        """Several campaigns' entries of one recipient after the other."""
        found = list[Entries]()
        for start in range(0, len(answers), len(campaigns)):
            own = answers[start : start + len(campaigns)]
            pairs = zip(campaigns, own, strict=True)
            parts = [self._known(campaign, value) or await self._understood(campaign, value) for campaign, value in pairs]
            found.append({placement: entry for part in parts for placement, entry in part.items()})
        return found

    def _known(self, campaign: str, value: object) -> Entries | None:
        """The entries of a value that was met before."""
        if self._connection != self._redis.connections:  # another server, maybe
            self._connection = self._redis.connections
            self._shelves.clear()
        shelf = self._shelves.get(campaign)
        if shelf is None or time.monotonic() - shelf.read_at >= _WORDS_HOLD:
            return None
        return shelf.values.get(value)  # type: ignore[call-overload, no-any-return]  # None is met there as any value is

    async def _understood(self, campaign: str, value: object) -> Entries:
        """Read a value that was not met before; where it has a new word the words are read again."""
        if type(value) is not bytes:
            return _NOTHING
        for _ in range(2):
            shelf = self._shelves.get(campaign)
            if shelf is not None and time.monotonic() - shelf.read_at < _WORDS_HOLD:
                try:
                    entries = unpacked(value, shelf.words)
                except UnknownWordError:
                    if time.monotonic() - shelf.read_at < _WORDS_REST:
                        return _NOTHING
                except ValueError:  # nobody can read it: as good as missing
                    return _NOTHING
                else:
                    _keep(shelf, value, entries)
                    return entries
            if await self._learn(campaign):
                return _NOTHING
        return _NOTHING

    async def _learn(self, campaign: str) -> Trouble | None:
        """Read the words of a campaign; who asks meanwhile waits for the same answer."""
        task = self._learning.get(campaign)
        if task is None or task.done():
            task = self._learning[campaign] = asyncio.create_task(self._read_words(campaign))
        return await asyncio.shield(task)

    async def _read_words(self, campaign: str) -> Trouble | None:
        asked = self._redis.ask(packed(b"HGETALL", words_key_of(campaign)), 1)
        answers = asked if isinstance(asked, Trouble) else await asked
        if isinstance(answers, Trouble):
            return answers
        [told] = answers
        words = Words.read(dict(zip(told[::2], told[1::2], strict=True)))
        self._shelves[campaign] = _Shelf(words, time.monotonic())
        return None


def _keep(shelf: _Shelf, value: bytes, entries: Entries) -> None:
    if len(shelf.values) >= _KEPT:
        shelf.values.clear()
    shelf.values[value] = entries


def _hgets(who: Sequence[RecipientId], campaigns: Sequence[str]) -> bytes:
    return b"".join([_hget(campaign, *place) for place in map(place_of, who) for campaign in campaigns])


def _hget(campaign: str, number: int, field: bytes) -> bytes:
    key = key_of(campaign, number)
    return b"*3\r\n$4\r\nHGET\r\n$%d\r\n%b\r\n$8\r\n%b\r\n" % (len(key), key, field)
