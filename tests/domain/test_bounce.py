"""Strikes: letters in a row that came back."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.bounce import Strike, StrikeRule, struck_out
from domain.ids import MessageId

AT = datetime(2026, 1, 1, tzinfo=UTC)
RULE = StrikeRule(3, 60)


def strike(message: int, day: int, *, arrived: bool = False) -> Strike:
    """What became of a letter on a day."""
    return Strike(MessageId(str(message)), AT + timedelta(days=day), arrived)


def test_three_in_a_row() -> None:
    """Three letters are enough, two are not."""
    assert struck_out([strike(1, 0), strike(2, 7), strike(3, 14)], RULE)
    assert not struck_out([strike(1, 0), strike(2, 7)], RULE)


def test_one_letter_is_one_strike() -> None:
    """A letter that is reported to bounce three times is one letter."""
    assert not struck_out([strike(1, 0), strike(1, 1), strike(1, 2)], RULE)


def test_an_arrival_ends_the_row() -> None:
    """A letter that got there in between shows that the mailbox works."""
    assert not struck_out([strike(1, 0), strike(2, 7), strike(9, 8, arrived=True), strike(3, 14)], RULE)


def test_long_ago_does_not_count() -> None:
    """The row has to lie within so many days."""
    assert not struck_out([strike(1, 0), strike(2, 7), strike(3, 61)], RULE)
    assert struck_out([strike(1, 0), strike(2, 7), strike(3, 61), strike(4, 62)], RULE)


def test_never() -> None:
    """A rule of no strikes strikes nobody out."""
    assert not struck_out([strike(number, number) for number in range(50)], StrikeRule(0, 60))


LOGS = st.lists(st.builds(strike, st.integers(0, 5), st.integers(0, 90), arrived=st.booleans()), max_size=12)


@given(LOGS, st.randoms(use_true_random=False))
def test_any_order_any_number_of_times(log: list[Strike], random: object) -> None:
    """The order of the log does not matter, nor how often it says the same."""
    again = log + log[: len(log) // 2]
    random.shuffle(again)  # type: ignore[attr-defined]
    assert struck_out(again, RULE) == struck_out(log, RULE)
