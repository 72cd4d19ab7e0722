"""Pre-warming: published files are fetched the way readers will, until each comes out as it was put in.

The first fetch also fills the CDN's cache. Another file than was written is most often an older answer that a cache still has, so it is
asked again until patience ends; a place that gives no answer at all is not waited for as long.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from delivery.published_files import PublishedFile
from domain.errors import UnavailableError

_OK = 200
_FIRST_WAIT, _LONGEST_WAIT = 0.25, 5.0  # seconds between two fetches of a file; each wait doubles
_SILENCE = timedelta(seconds=15)  # without any answer to any file, until all are given up


class Fetched(Protocol):
    """What stands at an address: its HTTP status, and its body with transfer and content codings undone."""

    @property
    def status(self) -> int: ...
    @property
    def body(self) -> bytes: ...


class Fetch(Protocol):
    """Fetches an address, without following where it points to."""

    def __call__(self, url: str) -> Fetched:
        """Raise UnavailableError where nothing answers."""
        ...


class Clock(Protocol):
    """What time it is, and waiting."""

    def now(self) -> datetime: ...
    def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Outside:
    """The world as pre-warming sees it: the files' public address, how they are fetched, and for how long it is tried."""

    address: str
    fetch: Fetch
    clock: Clock
    patience: timedelta
    workers: int = 8


@dataclass(frozen=True, slots=True)
class Warmed:
    """What became of a file. `fault`: why it does not count as published; None if it came out as it was put in."""

    file: PublishedFile
    fault: str | None
    fetches: int


def prewarm(files: Sequence[PublishedFile], outside: Outside) -> Iterator[Warmed]:
    """Fetch each file until it is right or patience ends; in the order in which that is known."""
    if not files:
        return
    watch = _Watch(outside)
    with ThreadPoolExecutor(min(outside.workers, len(files))) as pool:
        for done in as_completed([pool.submit(watch.warm, file) for file in files]):
            yield done.result()


class _Watch:
    """One round of pre-warming. The threads share whether anything has answered yet."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._began = outside.clock.now()
        self._answered = False

    def warm(self, file: PublishedFile) -> Warmed:
        """Fetch one file until it is right or time is up."""
        fetches, wait = 0, _FIRST_WAIT
        while True:
            fault, fetches = self._fault(file), fetches + 1
            if fault is None or self._given_up():
                return Warmed(file, fault, fetches)
            self._outside.clock.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT)

    def _fault(self, file: PublishedFile) -> str | None:
        try:
            found = self._outside.fetch(file.url(self._outside.address))
        except UnavailableError as error:
            return error.what
        self._answered = True
        if found.status != _OK:
            return f"the answer is {found.status}"
        if found.body != file.body:
            return f"another file comes out than was put in: {len(found.body):,} bytes, not {len(file.body):,}"
        return None

    def _given_up(self) -> bool:
        spent = self._outside.clock.now() - self._began
        return spent >= self._outside.patience or (not self._answered and spent >= _SILENCE)
