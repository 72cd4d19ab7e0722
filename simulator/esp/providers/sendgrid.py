# ruff: noqa: ARG002 - the signatures are those of the port; not every provider needs all they are told
"""SendGrid v3 Mail Send, as its API reference ("Mail Send", "Errors") and its OpenAPI description have it."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from simulator.esp.addresses import mailbox, plausible
from simulator.esp.calls import (
    REVOKED,
    Call,
    Declined,
    Entry,
    Order,
    Outcome,
    Purpose,
    Receipt,
    Refusal,
    Reply,
    Route,
    WithoutKeys,
    WithoutLookUp,
    account_of,
    bearer_of,
    json_reply,
    read_json,
    route,
    texts_of,
)
from simulator.esp.contents import Content, Templated, Whole
from simulator.esp.names import hex_name
from simulator.esp.substitution import exact

_MOST_PERSONALIZATIONS = 1_000
_MOST_RECIPIENTS = 1_000  # to, cc and bcc of a call
_MOST_BYTES = 30_000_000
_MOST_SUBSTITUTION_BYTES = 10_000  # per personalization, names and values
_MOST_ARGUMENT_BYTES = 10_000
_RESERVED = frozenset(
    """
    x-sg-id x-sg-eid received dkim-signature content-type content-transfer-encoding to from subject reply-to cc bcc
    """.split()  # noqa: SIM905 - a list to read
)


class SendGrid(WithoutKeys, WithoutLookUp):
    """`POST /v3/mail/send`, answered with 202, no body, and the id in `X-Message-Id`."""

    name = "sendgrid"
    routes: Sequence[Route] = (route("POST", "/v3/mail/send"), route("GET", "/v3/scopes", Purpose.GREET))
    declines: frozenset[Declined] = frozenset()

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def account(self, call: Call) -> str:
        """By its API key."""
        key = bearer_of(call)
        if not key or key == REVOKED:
            raise Refusal(self.denied())
        return account_of(key)

    def read(self, call: Call, account: str) -> Order:
        """Every recipient of every personalization is an entry."""
        if len(call.body) > _MOST_BYTES:
            raise Refusal(_errors(413, "The JSON payload you have included in your request is too large."))
        try:
            mail = read_json(call)
        except ValueError:
            raise Refusal(_errors(400, "Bad Request")) from None
        personalizations = _checked(mail)
        contents = {part["type"]: part["value"] for part in mail["content"]}
        headers = texts_of(mail.get("headers")) | {"From": mailbox(mail["from"]["email"], mail["from"].get("name"))}
        if reply_to := mail.get("reply_to"):
            headers["Reply-To"] = mailbox(reply_to["email"], reply_to.get("name"))
        shared = Whole(mail.get("subject") or "", contents.get("text/html"), contents.get("text/plain"), headers)
        common = texts_of(mail.get("custom_args"))
        entries = [entry for one in personalizations for entry in _entries(one, shared, common)]
        return Order(account, entries, shared_id=True)

    def answer(self, order: Order, outcomes: Sequence[Outcome]) -> Reply:
        """Accepted, with the id that its events' `sg_message_id` begins with."""
        receipt = outcomes[0]
        return Reply(202, b"", {"x-message-id": receipt.esp_message_id if isinstance(receipt, Receipt) else ""})

    def greet(self) -> Reply:
        """What the key may do."""
        return json_reply(200, {"scopes": ["mail.send"]})

    def denied(self) -> Reply:
        """401 with its usual sentence."""
        return _errors(401, "The provided authorization grant is invalid, expired, or revoked")

    def throttled(self, order: Order | None, after: float | None) -> Reply:
        """429 with the X-RateLimit headers; Retry-After on top where seconds are to be told."""
        limits = {"x-ratelimit-limit": "600", "x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(time.time() + (after or 1)))}
        return _errors(429, "too many requests", limits | ({"retry-after": f"{after:g}"} if after else {}))

    def failed(self) -> Reply:
        """500 in its usual form."""
        return _errors(500, "Internal Server Error")

    def message_name(self, number: int) -> str:
        """22 characters, as in X-Message-Id."""
        return hex_name(self.name, self._seed, number)[:22]


def _errors(status: int, message: str, headers: Mapping[str, str] | None = None, field: str | None = None) -> Reply:
    return json_reply(status, {"errors": [{"message": message, "field": field, "help": None}]}, headers or {})


def _wrong(message: str, field: str) -> Refusal:
    return Refusal(_errors(400, message, field=field))


def _checked(mail: Any) -> list[dict[str, Any]]:
    """The personalizations of a mail that keeps the rules."""
    if not isinstance(mail, dict) or not plausible((mail.get("from") or {}).get("email") or ""):
        raise _wrong("The from email does not contain a valid address.", "from.email")
    personalizations = mail.get("personalizations")
    if not isinstance(personalizations, list) or not personalizations:
        raise _wrong("You must have at least one personalization.", "personalizations")
    if len(personalizations) > _MOST_PERSONALIZATIONS:
        raise _wrong(f"The personalization block is limited to {_MOST_PERSONALIZATIONS} per API request.", "personalizations")
    _check_content(mail, personalizations)
    _check_headers(mail.get("headers"), "headers")
    for one in personalizations:
        _check_personalization(one)
    _check_recipients([to["email"] for one in personalizations for to in _recipients(one)])
    return personalizations


def _check_content(mail: Mapping[str, Any], personalizations: Sequence[Mapping[str, Any]]) -> None:
    kinds = [part.get("type") for part in mail.get("content") or ()]
    if not kinds or any(not part.get("value") for part in mail["content"]):
        raise _wrong("The content value must be a string at least one character in length.", "content.0.value")
    if "text/plain" in kinds and kinds[0] != "text/plain":
        raise _wrong("If present, text/plain must be first, followed by text/html.", "content")
    if not mail.get("subject") and not all(one.get("subject") for one in personalizations):
        raise _wrong("The subject is required.", "subject")


def _check_headers(headers: object, field: str) -> None:
    for name, value in headers.items() if isinstance(headers, dict) else ():
        if name.casefold() in _RESERVED:
            raise _wrong(f"The header {name} is reserved.", f"{field}.{name}")
        if not isinstance(value, str) or not name.isascii():
            raise _wrong("The headers must be strings with ASCII names.", f"{field}.{name}")


def _check_personalization(one: Mapping[str, Any]) -> None:
    if not one.get("to"):
        raise _wrong("The to array is required for all personalization objects.", "personalizations.0.to")
    values = one.get("substitutions") or {}
    if not all(isinstance(value, str) for value in values.values()):
        raise _wrong("The substitutions must be strings.", "personalizations.0.substitutions")
    if sum(len(tag.encode()) + len(value.encode()) for tag, value in values.items()) > _MOST_SUBSTITUTION_BYTES:
        raise _wrong(f"The substitutions are limited to {_MOST_SUBSTITUTION_BYTES} bytes.", "personalizations.0.substitutions")
    if len(orjson.dumps(one.get("custom_args") or {})) > _MOST_ARGUMENT_BYTES:
        raise _wrong(f"The custom_args are limited to {_MOST_ARGUMENT_BYTES} bytes.", "personalizations.0.custom_args")
    _check_headers(one.get("headers"), "personalizations.0.headers")


def _check_recipients(addresses: Sequence[str]) -> None:
    if len(addresses) > _MOST_RECIPIENTS:
        raise _wrong(f"There is a limit of {_MOST_RECIPIENTS} total recipients (to + cc + bcc) per request.", "personalizations")
    if len({address.casefold() for address in addresses}) < len(addresses):
        raise _wrong("Each email address in the personalization block should be unique between to, cc, and bcc.", "personalizations")
    if not all(map(plausible, addresses)):
        raise _wrong("Does not contain a valid address.", "personalizations.0.to.0.email")


def _recipients(one: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for kind in ("to", "cc", "bcc"):
        yield from one.get(kind) or ()


def _entries(one: Mapping[str, Any], shared: Whole, common: Mapping[str, str]) -> Iterator[Entry]:
    template = Whole(one["subject"], shared.html, shared.text, shared.headers) if one.get("subject") else shared
    own = texts_of(one.get("headers")) | {"To": ", ".join(mailbox(to["email"], to.get("name")) for to in one["to"])}
    content: Content = Templated(template, one.get("substitutions") or {}, exact, own)
    metadata = {**common, **texts_of(one.get("custom_args"))} if common else texts_of(one.get("custom_args"))
    return (Entry(to["email"], content, metadata) for to in _recipients(one))
