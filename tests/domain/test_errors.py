"""Errors say what, where and what to do, and survive a process pool."""

import pickle

from domain.errors import FinalError, InputError, InvalidInput, LetterpressError, Mistake, RetryableError, UnavailableError


def test_a_message_names_place_and_remedy() -> None:
    """The text a user sees starts with the place and ends with what to do."""
    assert (
        str(InputError("no such column", where="campaign.yaml:7", hint="known: country"))
        == "campaign.yaml:7: no such column (known: country)"
    )


def test_several_mistakes_are_told_at_once() -> None:
    """Every mistake stands on its own line with file and line."""
    error = InvalidInput([Mistake("a", "f.yaml", 1), Mistake("b", "f.yaml", 2, "do c")])
    assert str(error) == "f.yaml:1: a\nf.yaml:2: b (do c)"


def test_errors_survive_pickling() -> None:
    """A worker process hands its error on as it was."""
    for error in (InputError("x", where="y", hint="z"), InvalidInput([Mistake("a", "f", 1)]), UnavailableError("down")):
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
        assert type(again) is type(error) and str(again) == str(error)


def test_the_type_says_whether_trying_again_can_help() -> None:
    """What does not answer is retryable, what the user wrote is final; both are the user's to mend."""
    assert issubclass(UnavailableError, RetryableError) and issubclass(InputError, FinalError)
    assert (LetterpressError.exit_code, InputError.exit_code, UnavailableError.exit_code) == (1, 2, 2)
