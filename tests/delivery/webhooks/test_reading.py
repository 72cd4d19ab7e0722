"""Posts that wait are understood, each event stored once, whatever happens in between."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson
import pytest

from delivery.webhooks.reading import SLICE, understand_waiting
from domain.errors import RefusedValueError
from domain.event import EventKind
from domain.webhook import StoredTelling, Told, WaitingPost

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


@dataclass
class Shelf:
    """An inbox in memory. `fails_at`: the transaction that does not come about."""

    posts: list[WaitingPost]
    events: dict[str, Told] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    sizes: list[int] = field(default_factory=list)
    fails_at: int = -1

    def waiting(self) -> Sequence[WaitingPost]:
        """Those that are not done."""
        return [post for post in self.posts if post.post_id not in self.done]

    def store(self, told: Sequence[Told], finished: Collection[str], at: datetime) -> StoredTelling:
        """All of it or nothing."""
        if len(self.sizes) == self.fails_at:
            self.fails_at = -1
            raise OSError
        before = len(self.events)
        assert at == AT
        self.events |= {one.event_id: one for one in told}
        self.done |= set(finished)
        self.sizes.append(len(told))
        return StoredTelling(len(self.events) - before, len(told) - len(self.events) + before)


def waiting(name: str, provider: str, body: object) -> WaitingPost:
    """A post."""
    return WaitingPost(name, "news", provider, {}, body if isinstance(body, bytes) else orjson.dumps(body), AT)


def batch(name: str, first: int, count: int) -> WaitingPost:
    """A batch of SendGrid's."""
    return waiting(name, "sendgrid", [{"event": "open", "sg_event_id": str(number)} for number in range(first, first + count)])


def test_nothing_waits() -> None:
    """None says that there is nothing to do."""
    assert understand_waiting(Shelf([]), lambda: AT) is None


def test_in_slices() -> None:
    """A large post is stored in several transactions and is done with the last; what follows shares transactions with its end."""
    shelf = Shelf([batch("a", 0, 2 * SLICE + 1), batch("b", 0, 3), batch("c", 9_000, 3)])
    assert understand_waiting(shelf, lambda: AT) == StoredTelling(new=2 * SLICE + 4, known=3)
    assert (shelf.sizes, shelf.done) == ([SLICE, SLICE, 7], {"a", "b", "c"})


@pytest.mark.parametrize("fails_at", [0, 1, 2])
def test_a_crash_in_between(fails_at: int) -> None:
    """What was not stored is read again; what was is stored once."""
    shelf = Shelf([batch("a", 0, 2 * SLICE + 1), batch("b", 5_000, 3)], fails_at=fails_at)
    with pytest.raises(OSError):
        understand_waiting(shelf, lambda: AT)
    assert "b" not in shelf.done
    understand_waiting(shelf, lambda: AT)
    assert (len(shelf.events), shelf.done) == (2 * SLICE + 4, {"a", "b"})


def test_what_cannot_be_stored_holds_up_nothing() -> None:
    """An event that no database takes is kept as UNKNOWN; those beside it and behind it are stored as what they are."""

    class Picky(Shelf):
        """Takes no event of this key."""

        def store(self, told: Sequence[Told], finished: Collection[str], at: datetime) -> StoredTelling:
            if any(one.heard.key == "2|open" for one in told):
                raise RefusedValueError("no such value")
            return super().store(told, finished, at)

    shelf = Picky([batch("a", 0, 5), batch("b", 10, 2)])
    assert understand_waiting(shelf, lambda: AT) == StoredTelling(new=7)
    kinds = [one.heard.kind for one in shelf.events.values()]
    assert (kinds.count(EventKind.OPENED), kinds.count(EventKind.UNKNOWN), shelf.done) == (6, 1, {"a", "b"})


def test_what_cannot_be_read_holds_up_nothing() -> None:
    """Garbage, posts of unknown providers and events of unknown kinds are kept as UNKNOWN, with what came."""
    shelf = Shelf(
        [waiting("a", "sendgrid", b"\xff{"), waiting("b", "pigeon", b"coo"), waiting("c", "brevo", {"event": "new"}), batch("d", 0, 1)]
    )
    understand_waiting(shelf, lambda: AT)
    kept = [(one.heard.kind, one.heard.raw) for one in shelf.events.values()]
    assert kept[:3] == [(EventKind.UNKNOWN, "\ufffd{"), (EventKind.UNKNOWN, "coo"), (EventKind.UNKNOWN, '{"event":"new"}')]
    assert shelf.done == {"a", "b", "c", "d"}


def test_the_same_event_by_two_accounts() -> None:
    """An event is known by its provider and its key, not by the account: two webhooks for one account count once."""
    first, second = (WaitingPost(name, name, "sendgrid", {}, b'[{"event":"open","sg_event_id":"1"}]', AT) for name in ("a", "b"))
    shelf = Shelf([first, second])
    assert understand_waiting(shelf, lambda: AT) == StoredTelling(new=1, known=1)


def test_one_by_one() -> None:
    """Of a post of millions of things only a transaction's worth is held at a time."""
    shelf = Shelf([waiting("a", "sendgrid", b"[" + b"1," * 50_000 + b"1]")])
    assert understand_waiting(shelf, lambda: AT) == StoredTelling(new=1, known=50_000)
    assert max(shelf.sizes) == SLICE
