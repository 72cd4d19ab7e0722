"""Hand-off over an ESP's HTTP API: letters cut into calls, calls made, answers given; the same for every provider.

A call that an ESP recognises when it is repeated (`Provider.remembers`) is repeated at once when its outcome is in doubt. The ESP
may have acted on the first one, so from then on only a yes or a no counts: "not now" says nothing about the first.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from delivery.addresses import address_fault
from delivery.answers import Answer, Cause, Rejected, Retry, Unknown
from delivery.esp.cutting import calls_of, most_in_a_call, usual_in_a_call
from delivery.esp.http_answers import REFUSED, not_taken
from delivery.esp.port import Call, Habits, one_by_one
from delivery.esp.provider import Failure, Outcome, Provider, Response, Witness
from delivery.esp.wire import Wire
from domain.errors import InputError, UnavailableError
from domain.ids import MessageId
from domain.message import Letter

_ONE_BY_ONE = 10  # letters that a batch holds where each takes a call: what one thread may leave UNKNOWN at a kill -9
_REMEMBERED = 50  # the same where a call that was in doubt can be repeated
_IN_DOUBT = 500  # letters that a batch holds at most where it cannot: half as many UNKNOWN for a tenth more bytes than 1,000
_ALONE, _FEW, _MANY = 16, 4, 2  # connections, by whether a call takes one letter, some, or hundreds
_HUNDREDS = 100
_PAUSES = (0.5, 2.0)  # seconds before a call in doubt is repeated
_LOSSES = 3  # questions in a row that get no answer before the rest is not asked
_BUSY = 429
_BROKEN = 500


class HttpEsp:
    """One account at one ESP. Safe to use from several threads, a batch each."""

    def __init__(self, provider: Provider, *, sleep: Callable[[float], object] = time.sleep) -> None:
        self.provider, self._sleep = provider, sleep
        self._wire = Wire(provider.endpoint)

    @property
    def name(self) -> str:
        """Which account, without secrets."""
        return self.provider.name

    @property
    def max_batch(self) -> int:
        """As many letters as one call takes; some calls' worth where that is one."""
        most = most_in_a_call(self.provider).messages
        if most > 1:
            return most
        return _REMEMBERED if self.provider.remembers else _ONE_BY_ONE

    @property
    def habits(self) -> Habits:
        """About a call's worth of usual letters, or what may be left in doubt at a time, if that is less.

        More connections where a call takes few letters, no more than calls are allowed a second.
        """
        limits = most_in_a_call(self.provider)
        connections = _ALONE if limits.messages == 1 else _FEW if limits.messages < _HUNDREDS else _MANY
        if limits.calls_per_second:
            connections = min(connections, math.ceil(limits.calls_per_second))
        batch = min(self.max_batch, usual_in_a_call(self.provider))
        return Habits(batch if self.remembers else min(batch, _IN_DOUBT), connections, limits.calls_per_second)

    @property
    def remembers(self) -> timedelta | None:
        """For how long the ESP recognises a call that is repeated."""
        return self.provider.remembers

    @property
    def can_be_asked(self) -> bool:
        """Whether messages can be looked up by our id."""
        return isinstance(self.provider, Witness)

    def check(self) -> None:
        """Ask something harmless with our key. Raises InputError if it is refused, UnavailableError if nobody answers."""
        outcome = self._wire.send(self.provider.probe())
        place = self.provider.endpoint.place
        if isinstance(outcome, Failure):
            raise UnavailableError(f"no answer from the ESP: {outcome.reason}", where=place)
        if outcome.status == _BUSY or outcome.status >= _BROKEN:
            raise UnavailableError(f"the ESP cannot be asked now: it answers {outcome.status}", where=place, hint="try again later")
        if fault := self.provider.fault(outcome):
            raise InputError(f"{self.provider.name}: {fault}", where=self.provider.endpoint.setting)

    def hand_off(self, batch: Sequence[Letter]) -> Iterator[Answer]:
        """Hand letters over, call by call. After one in doubt, or refused for what is about us, the rest is given back."""
        fit, unfit = _sorted_out(batch)
        yield from (Rejected(letter.message_id, fault) for letter, fault in unfit)
        calls = calls_of(fit, self.provider)
        for number, call in enumerate(calls):
            answers = self._resolved(call)
            yield from answers
            if stop := _reason_to_stop(answers):
                rest = (letter for later in calls[number + 1 :] for letter in later)
                yield from (Retry(letter.message_id, stop.reason, stop.after, cause=stop.cause) for letter in rest)
                return

    def calls(self, letters: Sequence[Letter]) -> list[Call]:
        """The calls that these letters take, within the limits; one that is rejected here, unasked, counts as a call of its own."""
        fit, unfit = _sorted_out(letters)
        return calls_of(fit, self.provider) + one_by_one(letter for letter, _ in unfit)

    def repeat(self, call: Call) -> Sequence[Answer]:
        """Make a call once more that may have been acted on, while the ESP remembers it. Accepted, Rejected or Unknown; never Retry."""
        in_doubt = [Unknown(letter.message_id, "a call that is repeated was not answered") for letter in call]
        return _sharpened(in_doubt, self._answered(call))

    def evidence(self, message_ids: Sequence[MessageId]) -> Iterator[Answer]:
        """What the ESP can be asked about messages. Not found proves nothing, so it is passed over in silence."""
        if not isinstance(self.provider, Witness):
            return
        lost = 0
        for message_id in message_ids:
            outcome = self._wire.send(self.provider.question(message_id))
            lost = 0 if isinstance(outcome, Response) and outcome.status != _BUSY else lost + 1
            if lost >= _LOSSES:
                return  # the others have to wait for the next time
            if isinstance(outcome, Response) and (proof := self.provider.proof(message_id, outcome)):
                yield proof

    def close(self) -> None:
        """Let go of connections."""
        self._wire.close()

    def _resolved(self, call: Call) -> Sequence[Answer]:
        """The answers to a call, repeated while it is in doubt and the ESP remembers it."""
        answers = self._answered(call)
        for pause in _PAUSES if self.provider.remembers else ():
            if not any(isinstance(answer, Unknown) for answer in answers):
                break
            self._sleep(pause)
            answers = _sharpened(answers, self._answered(call))
        return answers

    def _answered(self, call: Call) -> Sequence[Answer]:
        """The answers to a call that is made once; one that is refused as a whole is cut in two, so that no letter suffers for another."""
        try:
            request = self.provider.build(call)
        except UnavailableError as error:  # of credentials that cannot be refreshed
            return not_taken(call, Failure(complete=False, reason=error.what))
        if len(request.body) > self.provider.limits.bytes:
            return self._halved(call) or [Rejected(call[0].message_id, f"larger than a call takes ({self.provider.limits.bytes} bytes)")]
        outcome = self._wire.send(request)
        answers = self.provider.classify(call, outcome)
        return (self._halved(call) if _refused_whole(outcome, answers) else None) or answers

    def _halved(self, call: Call) -> list[Answer] | None:
        """Both halves' answers; None for a call that cannot be cut. The second half waits if the first one's outcome is no good sign."""
        if len(call) == 1:
            return None
        first, second = call[: len(call) // 2], call[len(call) // 2 :]
        answers = list(self._answered(first))
        if stop := _reason_to_stop(answers):
            return [*answers, *(Retry(letter.message_id, stop.reason, stop.after, cause=stop.cause) for letter in second)]
        return [*answers, *self._answered(second)]


def _sorted_out(letters: Sequence[Letter]) -> tuple[list[Letter], list[tuple[Letter, str]]]:
    """Letters whose address can be told to an API, and the others with what keeps theirs from it."""
    fit, unfit = list[Letter](), list[tuple[Letter, str]]()
    for letter in letters:
        if fault := address_fault(letter.address):
            unfit.append((letter, f"the address {fault}" if fault.startswith("has") else f"the address: {fault}"))
        else:
            fit.append(letter)
    return fit, unfit


def _reason_to_stop(answers: Sequence[Answer]) -> Retry | None:
    """Why the following calls should not be made now: the first answer that is about more than its letter."""
    for answer in answers:
        if isinstance(answer, Retry) and answer.cause is not Cause.MESSAGE:
            return answer
        if isinstance(answer, Unknown):
            return Retry(answer.message_id, f"the call before it was in doubt: {answer.reason}", cause=Cause.UNREACHABLE)
    return None


def _refused_whole(outcome: Outcome, answers: Sequence[Answer]) -> bool:
    """Whether a call was refused in one word for all of its letters."""
    if not isinstance(outcome, Response) or outcome.status not in REFUSED:
        return False
    reasons = {answer.reason for answer in answers if isinstance(answer, Rejected)}
    return len(reasons) == 1 and all(isinstance(answer, Rejected) for answer in answers)


def _sharpened(before: Sequence[Answer], after: Sequence[Answer]) -> list[Answer]:
    """What is known after a repetition: a yes or a no settles a doubt, "not now" leaves it."""
    later = {answer.message_id: answer for answer in after}
    return [
        later.get(answer.message_id, answer)
        if isinstance(answer, Unknown) and not isinstance(later.get(answer.message_id), Retry)
        else answer
        for answer in before
    ]
