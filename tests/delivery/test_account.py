"""The account of a send: every recipient once, with a reason where no letter went out."""

from hypothesis import given
from hypothesis import strategies as st

from delivery.account import account_of
from domain.message import MessageStatus

S = MessageStatus
finals = st.dictionaries(
    st.sampled_from(
        [(S.ACCEPTED, None), (S.REJECTED, "550 no such user"), (S.FAILED, "hero: name"), (S.UNKNOWN, "cut"), (S.EXCLUDED, "suppressed")]
    ),
    st.integers(0, 50),
)


@given(finals, st.integers(0, 100), st.integers(0, 100))
def test_parts_make_the_whole(ledger: dict[tuple[MessageStatus, str | None], int], open_ones: int, capped: int) -> None:
    """Audience = handed off + excluded + failed + unknown + pending, whatever happened."""
    admitted = sum(ledger.values()) + open_ones
    account = account_of([{"admitted": admitted, "excluded.capped": capped}], ledger)
    assert account.adds_up
    assert account.audience == admitted + capped
    assert account.pending == open_ones


def test_counting_a_message_twice_is_noticed() -> None:
    """More settled messages than admitted recipients do not add up."""
    assert not account_of([{"admitted": 1}], {(S.ACCEPTED, None): 2}).adds_up


def test_a_cancelled_send_has_nothing_pending() -> None:
    """Who was not reached before a cancel is excluded, as cancelled."""
    account = account_of([{"admitted": 10}], {(S.ACCEPTED, None): 4, (S.PENDING, "421"): 1}, cancelled=True)
    assert account.adds_up and account.pending == 0
    assert account.excluded == {"cancelled": 6}


def test_a_suppression_at_the_last_moment_is_an_exclusion_with_its_reason() -> None:
    """Suppressed at selection and at claim time count together."""
    account = account_of([{"admitted": 2, "excluded.suppressed": 3}], {(S.ACCEPTED, None): 1, (S.EXCLUDED, "suppressed"): 1})
    assert account.excluded == {"suppressed": 4}
