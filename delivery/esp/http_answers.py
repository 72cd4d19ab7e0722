"""What holds for every HTTP API: a call that got no answer, and statuses other than the one that means yes. Pure.

The line is drawn where the ESP might have the letter (FACTS §7). 4xx: certainly not. 5xx, an answer that makes no sense, or
none after all had left: nobody knows. What is about the account or the address of the API rejects nobody.
"""

import re
from collections.abc import Collection, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from delivery.answers import Accepted, Answer, Cause, Rejected, Retry, Unknown
from delivery.esp.provider import Failure, Outcome, Response
from delivery.esp.reasons import reason_of
from domain.message import Letter

THROTTLED = frozenset({429})
# Key or account refused, money run out, an address of the API that is wrong or was moved: the letters are not at fault.
ABOUT_US = frozenset({301, 307, 308, 401, 402, 403, 404, 405, 406, 407, 415, 421, 425, 426})
# 408: a gateway's, which may have passed the call on. 409: what it conflicts with may be this very call.
_IN_DOUBT = frozenset({408, 409, 499})
_LONGEST_WAIT = 3600.0
_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")
REFUSED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY})


def is_clear_yes(outcome: Outcome, *statuses: int) -> bool:
    """Whether the answer's status is one by which this ESP says that it took the letters."""
    return isinstance(outcome, Response) and outcome.status in statuses


def all_accepted(batch: Sequence[Letter], ids: Sequence[str | None]) -> tuple[Answer, ...]:
    """A yes for the whole call; the ESP's ids where it told one for each."""
    known = ids if len(ids) == len(batch) else [None] * len(batch)
    return tuple(Accepted(letter.message_id, esp_id) for letter, esp_id in zip(batch, known, strict=True))


def all_unknown(batch: Sequence[Letter], reason: str) -> tuple[Answer, ...]:
    """Nobody knows, for any letter of the call."""
    return tuple(Unknown(letter.message_id, reason) for letter in batch)


def not_taken(
    batch: Sequence[Letter],
    outcome: Outcome,
    said: str = "",
    *,
    throttled: Collection[int] = THROTTLED,
    about_us: Collection[int] = ABOUT_US,
    after: float | None = None,
) -> tuple[Answer, ...]:
    """The answers to anything that is no clear yes. `said`: the ESP's words; `after`: the wait it asks for in a way of its own."""
    if isinstance(outcome, Failure):
        return tuple(_lost(letter, outcome) for letter in batch)
    reason = reason_of(outcome.status, said.strip() or _phrase(outcome.status))
    wait = after if after is not None and outcome.status in throttled else retry_after(outcome)
    causes = dict.fromkeys(about_us, Cause.UNREACHABLE) | dict.fromkeys(throttled, Cause.THROTTLED)
    if cause := causes.get(outcome.status):
        return tuple(Retry(letter.message_id, reason, wait, cause=cause) for letter in batch)
    if outcome.status in _IN_DOUBT or not HTTPStatus.BAD_REQUEST <= outcome.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return all_unknown(batch, f"the answer leaves open whether it was taken: {reason}")
    return tuple(Rejected(letter.message_id, reason) for letter in batch)


def key_fault(response: Response, said: str) -> str | None:
    """What any answer but 2xx to a harmless question says about our key or address."""
    reason = reason_of(response.status, said.strip() or _phrase(response.status))
    if response.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return f"the key is refused: {reason}"
    return None if response.status // 100 == HTTPStatus.OK // 100 else f"the key cannot be tried, the address may be wrong: {reason}"


def retry_after(response: Response) -> float | None:
    """Seconds that Retry-After asks for (RFC 9110 §10.2.3): a number, or a date, taken from the answer's own Date."""
    until, since = _date(response.headers.get("retry-after", "")), _date(response.headers.get("date", ""))
    by_date = _bounded((until - since).total_seconds()) if until and since else None
    return by_date if by_date is not None else seconds_in(response, "retry-after")


def seconds_in(response: Response, header: str) -> float | None:
    """Seconds to wait, from a header with their number."""
    value = response.headers.get(header, "").strip()
    return _bounded(float(value)) if _NUMBER.fullmatch(value) else None


def reset_after(response: Response, header: str) -> float | None:
    """Seconds until a rate limit starts anew, from a header with the Unix time of that moment."""
    value, since = response.headers.get(header, "").strip(), _date(response.headers.get("date", ""))
    return _bounded(float(value) - since.timestamp()) if since and _NUMBER.fullmatch(value) else None


def _bounded(seconds: float) -> float:
    """A wait that is neither in the past nor longer than an hour, whatever was said."""
    return min(max(seconds, 0.0), _LONGEST_WAIT)


def _lost(letter: Letter, failure: Failure) -> Answer:
    if failure.complete:
        return Unknown(letter.message_id, f"no answer to the call: {failure.reason}")
    return Retry(letter.message_id, failure.reason, cause=Cause.UNREACHABLE)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else None
