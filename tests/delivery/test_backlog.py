"""Batches: bounded, without repetition, deferred letters first."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from delivery.backlog import Backlog
from domain.message import Letter
from tests.delivery.letters import letter, letters, unprintable
from tests.delivery.world import AT


@given(st.integers(0, 50), st.integers(1, 10))
def test_every_letter_comes_out_once(count: int, size: int) -> None:
    """Batches hold at most `size` letters and together all of them, in order."""
    backlog = Backlog(letters(count), size=size, room=10)
    out: list[Letter] = []
    while batch := backlog.next(AT):
        assert 0 < len(batch.letters) <= size
        out += batch.letters
    assert out == list(letters(count))
    assert backlog.empty


def test_a_message_is_in_a_batch_once() -> None:
    """A letter that the iterator gives twice is claimed once."""
    batch = Backlog(iter([letter(1), letter(1)]), size=5, room=5).next(AT)
    assert batch is not None
    assert batch.letters == (letter(1),)


def test_what_could_not_be_printed_is_kept_apart() -> None:
    """Unprintable messages travel with the batch they were drawn in."""
    batch = Backlog(iter([letter(1), unprintable(2)]), size=5, room=5).next(AT)
    assert batch is not None
    assert (batch.letters, batch.unprintable) == ((letter(1),), (unprintable(2),))


def test_deferred_letters_come_back_when_due() -> None:
    """Not before, and then ahead of fresh ones."""
    backlog = Backlog(letters(2, first=1), size=1, room=5)
    backlog.defer(letter(0), AT + timedelta(seconds=10))
    assert [batch.letters for _ in range(3) if (batch := backlog.next(AT))] == [(letter(1),), (letter(2),)]
    assert not backlog.empty
    assert backlog.next_due == AT + timedelta(seconds=10)
    late = backlog.next(AT + timedelta(seconds=10))
    assert late is not None
    assert (late.letters, late.retried) == ((letter(0),), True)
    assert backlog.empty


def test_the_printer_rests_while_too_many_are_deferred() -> None:
    """With `room` letters deferred nothing more is drawn, so memory stays bounded."""
    printer = letters(100)
    backlog = Backlog(printer, size=2, room=2)
    for number in (500, 501):
        backlog.defer(letter(number), AT + timedelta(seconds=1))
    assert backlog.next(AT) is None
    assert next(printer) == letter(0)
