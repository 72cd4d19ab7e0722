"""Calls in doubt: repeated whole, within the ESP's memory, or not at all."""

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from delivery.esp.http import Call, HttpEsp
from delivery.esp.repeating import InDoubt, calls_to_repeat
from domain.ids import MessageId, idempotency_key_of
from domain.message import Letter
from tests.delivery.letters import letter, letters
from tests.delivery.providers import provider

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
DAY = timedelta(hours=24)


def frozen(call: Call, at: datetime = AT) -> list[InDoubt]:
    """The rows of a call as they were claimed."""
    key = idempotency_key_of((one.message_id, one.payload_hash) for one in call)
    return [InDoubt(one.message_id, one.payload_hash, key, at) for one in call]


def printed(*calls: Call) -> dict[MessageId, Letter]:
    """The letters printed again."""
    return {one.message_id: one for call in calls for one in call}


@given(st.integers(1, 120), st.sampled_from(["resend", "brevo", "sparkpost"]), st.randoms(use_true_random=False))
def test_what_was_handed_off_is_handed_off_again(count: int, scheme: str, order: Random) -> None:
    """From rows in any order and letters printed anew, the same calls with the same bytes."""
    known = provider(scheme)
    calls = HttpEsp(known).calls(list(letters(count)))
    rows = [row for call in calls for row in frozen(call)]
    order.shuffle(rows)
    again, doubts = calls_to_repeat(rows, printed(*calls), remembers=DAY, at=AT)
    assert not doubts
    assert {frozenset(call) for call in again} == {frozenset(call) for call in calls}
    assert {known.build(call).body for call in again} == {known.build(call).body for call in calls}


CALL = tuple(sorted(letters(3), key=lambda one: one.message_id))


def reasons(rows: list[InDoubt], again: dict[MessageId, Letter], at: datetime = AT) -> list[str]:
    """Why these stay in doubt; nothing is repeated."""
    calls, doubts = calls_to_repeat(rows, again, remembers=DAY, at=at)
    assert not calls
    assert [doubt.message_id for doubt in doubts] == sorted(row.message_id for row in rows)
    return [doubt.reason for doubt in doubts]


def test_a_call_that_is_forgotten_stays_in_doubt() -> None:
    """Close to the end of the ESP's memory it is not tried any more."""
    late = AT + DAY - timedelta(minutes=1)
    assert reasons(frozen(CALL), printed(CALL), late) == ["the ESP no longer remembers the call"] * 3
    assert calls_to_repeat(frozen(CALL), printed(CALL), remembers=DAY, at=AT + DAY - timedelta(minutes=3))[0] == [CALL]


def test_part_of_a_call_is_not_repeated() -> None:
    """A member that was settled otherwise makes the rest another call."""
    assert reasons(frozen(CALL)[1:], printed(CALL)) == ["not all letters of the call are in doubt, so it cannot be repeated"] * 2


def test_whoever_was_suppressed_since_is_not_written_to() -> None:
    """The whole call stays in doubt rather than go out with them or without them."""
    assert reasons(frozen(CALL), printed(CALL[1:])) == ["a letter of the call may not go out any more"] * 3


def test_a_letter_that_is_printed_differently_is_not_repeated() -> None:
    """Other bytes are another letter."""
    changed = printed(CALL) | {CALL[0].message_id: letter(99)}
    assert reasons(frozen(CALL), changed) == ["a letter of the call is printed differently now"] * 3


def test_one_call_in_doubt_does_not_hold_another() -> None:
    """Each call is judged by itself."""
    other = tuple(letters(2, first=10))
    calls, doubts = calls_to_repeat(frozen(CALL) + frozen(other), printed(CALL), remembers=DAY, at=AT)
    assert calls == [CALL]
    assert {doubt.message_id for doubt in doubts} == {one.message_id for one in other}
