"""What SMTP replies mean, and that their texts are fit to be kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.answers import Accepted, Answer, Cause, Rejected, Retry, Unknown
from delivery.esp.smtp_replies import Reply, Stage, classify
from domain.ids import MessageId

ID = MessageId("m1")


@pytest.mark.parametrize(
    ("stage", "reply", "answer"),
    [
        (Stage.MAIL, Reply(250, "2.1.0 Ok"), None),
        (Stage.DATA, Reply(354, "go ahead"), None),
        (Stage.DOT, Reply(250, "2.0.0 Ok: queued as 4XyZ81"), Accepted(ID, "4XyZ81")),
        (Stage.DOT, Reply(250, "OK id=1tEsTx-0001aB-2C"), Accepted(ID, "1tEsTx-0001aB-2C")),
        (Stage.DOT, Reply(250, "thanks"), Accepted(ID, None)),
        (Stage.RCPT, Reply(550, "5.1.1 No such user"), Rejected(ID, "550 5.1.1 No such user")),
        (Stage.RCPT, Reply(451, "4.7.1 Greylisted"), Retry(ID, "451 4.7.1 Greylisted")),
        (Stage.DOT, Reply(554, "5.6.0 No"), Rejected(ID, "554 5.6.0 No")),
        (Stage.DOT, Reply(421, "4.3.2 Closing"), Retry(ID, "421 4.3.2 Closing")),
        (Stage.MAIL, Reply(450, "4.7.1 Slow down"), Retry(ID, "450 4.7.1 Slow down", cause=Cause.THROTTLED)),
        (Stage.MAIL, Reply(550, "5.7.1 Not you"), Retry(ID, "the sender is refused: 550 5.7.1 Not you", cause=Cause.UNREACHABLE)),
        (Stage.MAIL, Reply(552, "5.3.4 Too big"), Rejected(ID, "552 5.3.4 Too big")),
        (Stage.MAIL, Reply(452, "4.3.1 No room"), Retry(ID, "452 4.3.1 No room")),
    ],
)
def test_each_reply_has_its_answer(stage: Stage, reply: Reply, answer: Answer | None) -> None:
    """Yes, not now and never, each at its stage; a refused sender is nobody's rejection."""
    assert classify(ID, stage, reply) == answer


@given(st.sampled_from(Stage), st.integers(0, 999), st.text(max_size=200))
def test_any_reply_has_an_answer_that_is_safe(stage: Stage, code: int, text: str) -> None:
    """Only a reply to the dot can be an acceptance or an unknown outcome; before it nothing was taken."""
    answer = classify(ID, stage, Reply(code, text))
    if stage is Stage.DOT:
        assert answer is not None
    else:
        assert not isinstance(answer, (Accepted, Unknown))


@given(st.text(max_size=400), st.emails())
def test_reasons_hold_no_address_and_stay_short(text: str, address: str) -> None:
    """What is kept of a reply is printable ASCII of bounded length without the recipient's address."""
    reason = Reply(550, f"{text} <{address}> {text}").reason
    assert address not in reason
    assert "@" not in reason
    assert len(reason) <= 120
    assert reason.replace("…", "").isascii()
    assert reason.isprintable()


def test_reasons_do_not_differ_by_message() -> None:
    """Queue ids, hosts and times are masked, so that failures can be counted by reason."""
    one = Reply(550, "5.1.1 The mailbox 20261123-4f5e6a7b8c is not here (in reply to RCPT, id d2e1a72fcca58si1234567)").reason
    other = Reply(550, "5.1.1 The mailbox 20261124-aaaaaaaa11 is not here (in reply to RCPT, id ffffa72fcca58si7654321)").reason
    assert one == other == "550 5.1.1 The mailbox # is not here (in reply to RCPT, id #)"
