"""Pre-warming, on a clock that is set and a CDN that answers as it is told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from delivery.prewarming import Outside, Warmed, prewarm
from delivery.published_files import PublishedFile
from domain.errors import UnavailableError
from domain.ids import PlacementId, VariantId
from simulator.clock import SteeredClock

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
FILE = PublishedFile(PlacementId("web.a+web.b"), VariantId("x+y"), "0" * 32, "web.a+web.b/variant-x+y.00000000.json", b"right")


@dataclass(frozen=True, slots=True)
class Said:
    """An answer."""

    status: int
    body: bytes


@dataclass(slots=True)
class Cdn:
    """Gives these answers one after the other, the last for good; None is no answer."""

    answers: list[Said | None]
    asked: list[str] = field(default_factory=list)

    def __call__(self, url: str) -> Said:
        self.asked.append(url)
        said = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if said is None:
            raise UnavailableError(f"nothing answers at {url}")
        return said


def warmed(fetch: Callable[[str], Said], seconds: float = 60) -> tuple[Warmed, timedelta]:
    """What became of the file, and how long that took."""
    clock = SteeredClock(AT)
    [found] = prewarm([FILE], Outside("https://cdn.example/content", fetch, clock, timedelta(seconds=seconds)))
    return found, clock.now() - AT


def test_what_comes_out_as_it_was_put_in_is_asked_for_once() -> None:
    """At the address that readers use, its name spelled for URLs."""
    cdn = Cdn([Said(200, b"right")])
    assert warmed(cdn) == (Warmed(FILE, None, 1), timedelta(0))
    assert cdn.asked == ["https://cdn.example/content/web.a%2Bweb.b/variant-x%2By.00000000.json"]


def test_missing_and_stale_answers_are_asked_again_until_they_are_right() -> None:
    """Waits double, from a quarter of a second."""
    found, took = warmed(Cdn([Said(404, b""), Said(200, b"stale"), None, Said(200, b"right")]))
    assert (found.fault, found.fetches, took) == (None, 4, timedelta(seconds=0.25 + 0.5 + 1))


def test_patience_ends_and_the_last_answer_is_the_reason() -> None:
    """Another file, or another status, to the end."""
    found, took = warmed(Cdn([Said(200, b"never right")]))
    assert found.fault == "another file comes out than was put in: 11 bytes, not 5"
    assert timedelta(seconds=60) <= took < timedelta(seconds=66)
    assert warmed(Cdn([Said(403, b"")]))[0].fault == "the answer is 403"


def test_a_place_that_never_answers_is_given_up_sooner() -> None:
    """A wrong address shows at once; one answer of any kind is reason to wait for the right one."""
    _, silent = warmed(Cdn([None]), seconds=600)
    found, answered = warmed(Cdn([Said(502, b""), None]), seconds=600)
    assert silent < timedelta(seconds=25) < timedelta(seconds=600) <= answered
    assert found.fault is not None and found.fault.startswith("nothing answers")


def test_nothing_to_warm_asks_nobody() -> None:
    """Not even the clock."""
    assert list(prewarm([], Outside("u", Cdn([]), SteeredClock(AT), timedelta(0)))) == []
