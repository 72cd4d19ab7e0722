"""When to try again, and when to stop."""

from datetime import timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from delivery.answers import Accepted, Answer, Cause, Rejected, Retry, Unknown
from delivery.backoff import Line, Patience
from domain.ids import MessageId
from tests.delivery.world import AT

ID = MessageId("m")
GONE = Retry(ID, "nobody there", cause=Cause.UNREACHABLE)
LATER = Retry(ID, "451 greylisted")


@given(st.integers(1, 10_000), st.floats(0, 100), st.integers())
def test_a_delay_is_drawn_below_a_doubling_bound(failures: int, at_least: float, seed: int) -> None:
    """Never before `at_least`, never more than the ceiling after it, and the first ones short."""
    patience = Patience(base=1.0, ceiling=30.0)
    delay = patience.delay(failures, Random(seed), at_least=at_least)
    assert at_least <= delay <= at_least + min(30.0, 2.0 ** min(failures - 1, 30))


def line(rounds: int = 3, rejections: int = 4) -> Line:
    """A line that gives up soon."""
    return Line(Patience(rounds=rounds, rejections=rejections), Random(1))


def hear(line: Line, *answers: Answer, retried: bool = False) -> None:
    """A batch that left in the line's present round comes back."""
    line.hear(line.round, answers, retried=retried, now=AT)


def test_a_round_is_counted_once() -> None:
    """Four batches that were on their way when the relay went down are one failure, not four."""
    down = line()
    for _ in range(4):
        down.hear(0, [GONE], retried=False, now=AT)
    assert (down.failures, down.verdict()) == (1, None)
    assert down.width(4) == 1


def test_enough_rounds_make_it_unavailable() -> None:
    """After `rounds` failures in a row the verdict names the last reason."""
    down = line(rounds=3)
    for _ in range(3):
        hear(down, GONE)
    assert down.verdict() == "it took nothing in 3 rounds; the last answer: nobody there"


def test_any_acceptance_opens_the_line_again() -> None:
    """A letter that is taken or judged ends the waiting."""
    shaky = line()
    hear(shaky, GONE)
    assert shaky.waiting(AT)
    hear(shaky, GONE, Accepted(ID))
    assert not shaky.waiting(AT)
    assert shaky.width(4) == 4


def test_the_esp_says_how_long_to_wait() -> None:
    """What comes with `after` is waited for."""
    throttled = line()
    hear(throttled, Retry(ID, "slow down", after=60.0, cause=Cause.THROTTLED))
    assert throttled.waiting(AT + timedelta(seconds=59.9))
    assert not throttled.waiting(AT + timedelta(seconds=62))


def test_a_partly_accepted_batch_still_waits_as_asked() -> None:
    """Throttled after some letters: the line stays open to all threads, but not before the time that was asked for."""
    throttled = line()
    hear(throttled, Accepted(ID), Retry(ID, "slow down", after=30.0, cause=Cause.THROTTLED))
    assert throttled.waiting(AT + timedelta(seconds=29))
    assert not throttled.waiting(AT + timedelta(seconds=30))
    assert throttled.width(4) == 4


def test_greylisted_letters_alone_say_nothing_about_the_line() -> None:
    """A batch of deferred letters that are deferred again is no failure; fresh ones that are all deferred may be."""
    grey = line()
    hear(grey, LATER, LATER, retried=True)
    assert grey.failures == 0
    hear(grey, LATER, LATER)
    assert grey.failures == 1


def test_unknowns_alone_stop_the_line_too() -> None:
    """A relay that swallows letters without an answer must not be fed the whole list."""
    swallowing = line(rounds=2)
    hear(swallowing, Unknown(ID, "no answer"), GONE)
    hear(swallowing, Unknown(ID, "no answer"), GONE)
    assert swallowing.verdict() is not None


def test_the_same_rejection_over_and_over_is_about_us() -> None:
    """Identical rejections in a row stop the hand-off; different ones, or an acceptance between them, do not."""
    same, mixed = line(rejections=4), line(rejections=4)
    for number in range(4):
        hear(same, Rejected(ID, "554 relay access denied"))
        hear(mixed, Rejected(ID, f"550 reason {number % 2}"))
    assert same.verdict() == "it rejected 4 letters in a row for the same reason: 554 relay access denied"
    assert mixed.verdict() is None
    hear(same, Accepted(ID))
    assert same.verdict() is None


def test_an_esp_that_throttles_is_there() -> None:
    """Being asked to slow down again and again is borne five times as long as silence; anything else in between is not."""
    throttling, mixed = line(rounds=2), line(rounds=2)
    for number in range(9):
        hear(throttling, Retry(ID, "429", cause=Cause.THROTTLED))
        hear(mixed, GONE if number == 1 else Retry(ID, "429", cause=Cause.THROTTLED))
        assert throttling.verdict() is None
        assert (mixed.verdict() is None) == (number < 1)
    hear(throttling, Retry(ID, "429", cause=Cause.THROTTLED))
    assert throttling.verdict() == "it took nothing in 10 rounds; the last answer: 429"


def test_doubts_are_probed_with_few_letters() -> None:
    """While nobody knows what becomes of letters, a batch puts ten at stake and not a thousand; a clear answer ends that."""
    doubtful = line()
    assert doubtful.most(1_000) == 1_000
    hear(doubtful, Unknown(ID, "no answer"))
    assert (doubtful.most(1_000), doubtful.most(3)) == (10, 3)
    hear(doubtful, Accepted(ID))
    assert doubtful.most(1_000) == 1_000
