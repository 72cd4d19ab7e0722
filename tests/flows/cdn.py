"""A CDN in front of a house's content folder, for tests: it answers at once, and as badly as it is told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

from delivery.prewarming import Outside
from domain.errors import UnavailableError
from runtime.fetching import Fetched
from runtime.house import House
from simulator.clock import SteeredClock

ADDRESS = "https://cdn.example/content"


@dataclass(slots=True)
class Cdn:
    """`missing`, `stale`, `away`: parts of addresses that answer 404, with another file, or not at all."""

    folder: Path
    missing: set[str] = field(default_factory=set)
    stale: set[str] = field(default_factory=set)
    away: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def __call__(self, url: str) -> Fetched:
        self.asked.append(url.removeprefix(f"{ADDRESS}/"))
        if self._any(self.away, url):
            raise UnavailableError(f"nothing answers at {url}")
        file = self.folder / unquote(url.removeprefix(f"{ADDRESS}/"))
        if self._any(self.missing, url) or not file.is_file():
            return Fetched(404, b"")
        return Fetched(200, b"an older file" if self._any(self.stale, url) else file.read_bytes())

    def _any(self, words: set[str], url: str) -> bool:
        return any(word in url for word in words)


def cdn_of(house: House) -> Cdn:
    """One in front of this house."""
    return Cdn(Path(house.settings.content_place))


def outside(fetch: Callable[[str], Fetched], clock: SteeredClock, seconds: float = 30) -> Outside:
    """The world with this CDN, on a clock on which waiting takes no time; one file after the other, so that tests repeat."""
    return Outside(ADDRESS, fetch, clock, timedelta(seconds=seconds), workers=1)
