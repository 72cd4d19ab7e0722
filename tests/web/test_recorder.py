"""Events are stored without keeping readers waiting."""

import threading
from collections.abc import Sequence

from domain.event import EventKind, ReceivedEvent
from tests.web.serving import AT
from web.recorder import Recorder

EVENT = ReceivedEvent("e1", "test", EventKind.CLICKED, None, None, None, AT, AT, "{}")


class Slow:
    """A store that waits until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.stored: list[ReceivedEvent] = []

    def append(self, rows: Sequence[ReceivedEvent]) -> None:
        self.go.wait(10)
        self.stored += rows


def test_a_slow_database_does_not_hold_the_reader() -> None:
    """After a moment the reader goes on; the event is stored when the database can."""
    slow = Slow()
    recorder = Recorder(slow, moment=0.01)
    recorder.record(EVENT)
    assert slow.stored == []
    slow.go.set()
    recorder.close()
    assert (slow.stored, recorder.lost) == ([EVENT], 0)


def test_too_many_waiting_are_counted_as_lost() -> None:
    """Memory is bounded while the database hangs."""
    slow = Slow()
    recorder = Recorder(slow, moment=0.001, most_waiting=3)
    for _ in range(5):
        recorder.record(EVENT)
    slow.go.set()
    recorder.close()
    assert (len(slow.stored), recorder.lost) == (3, 2)


def test_no_exception_reaches_the_reader() -> None:
    """Whatever goes wrong in storing is counted."""

    class Broken:
        def append(self, _rows: Sequence[ReceivedEvent]) -> None:
            raise ZeroDivisionError

    recorder = Recorder(Broken())
    recorder.record(EVENT)
    recorder.close()
    assert recorder.lost == 1
