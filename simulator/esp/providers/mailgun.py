# ruff: noqa: ARG002 - the signatures are those of the port; not every provider needs all they are told
"""Mailgun's messages API, as its API reference ("Messages") and user manual ("Batch Sending") have it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import orjson

from simulator.esp.addresses import addresses_in, plausible
from simulator.esp.calls import (
    REVOKED,
    Call,
    Declined,
    Entry,
    Order,
    Outcome,
    Receipt,
    Refusal,
    Reply,
    Route,
    WithoutKeys,
    WithoutLookUp,
    basic_of,
    json_reply,
    route,
    texts_of,
)
from simulator.esp.contents import Content, Raw, Templated, Whole, header_of, parts_of
from simulator.esp.forms import Form, read_form
from simulator.esp.names import hex_name
from simulator.esp.substitution import percent

_MOST_RECIPIENTS = 1_000
_MOST_BYTES = 52_400_000
_MOST_OPTION_BYTES = 16_000  # of all o:, h: and v: fields together
_MULTIPART = "multipart/form-data"
_VARIABLES = "X-Mailgun-Recipient-Variables"


class Mailgun(WithoutKeys, WithoutLookUp):
    """`POST /v3/DOMAIN/messages` and `/v3/DOMAIN/messages.mime`, answered with one id for the whole batch."""

    name = "mailgun"
    routes: Sequence[Route] = (route("POST", "/v3/{domain}/messages"), route("POST", "/v3/{domain}/messages.mime"))
    declines: frozenset[Declined] = frozenset()

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def account(self, call: Call) -> str:
        """By the domain; any key of the user `api` will do."""
        given = basic_of(call)
        if not given or given[0] != "api" or given[1] in ("", REVOKED):
            raise Refusal(self.denied())
        return call.parts["domain"]

    def read(self, call: Call, account: str) -> Order:
        """Every address of `to` is an entry."""
        if len(call.body) > _MOST_BYTES:
            raise Refusal(_said(413, "request size exceeds 52.4MiB limit"))
        try:
            kind, form = read_form(call.headers, call.body)
        except ValueError:
            raise _wrong(f"malformed {_MULTIPART} request") from None
        to = [address for value in form.fields.get("to", ()) for address in addresses_in(value)]
        _check(form, to)
        entries = _of_mime(kind, form, to) if call.path.rstrip("/").endswith(".mime") else _of_parts(form, to)
        return Order(account, list(entries), shared_id=True)

    def answer(self, order: Order, outcomes: Sequence[Outcome]) -> Reply:
        """Queued, with the Message-Id in angle brackets."""
        receipt = outcomes[0]
        return json_reply(200, {"id": receipt.esp_message_id if isinstance(receipt, Receipt) else "", "message": "Queued. Thank you."})

    def greet(self) -> Reply:
        """Never asked: a key is tried with a message that names nobody."""
        raise NotImplementedError

    def denied(self) -> Reply:
        """401 with a bare word for a body, as it really is."""
        return Reply(401, b"Forbidden", {"content-type": "text/plain"})

    def throttled(self, order: Order | None, after: float | None) -> Reply:
        """429, with the moment to try again in the text; Retry-After on top where seconds are to be told."""
        until = format_datetime(datetime.now(UTC) + timedelta(seconds=after or 1), usegmt=True)
        account = order.account if order else "example.com"
        text = f"Domain {account} is not allowed to send: request limit exceeded, try again after {until}"
        return _said(429, text, {"retry-after": f"{after:g}"} if after else {})

    def failed(self) -> Reply:
        """500 with a message."""
        return _said(500, "Internal Server Error")

    def message_name(self, number: int) -> str:
        """Its Message-Id."""
        return f"<{hex_name(self.name, self._seed, number)[:24]}@simulated.mailgun.example>"


def _said(status: int, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    return json_reply(status, {"message": message}, headers or {})


def _wrong(message: str) -> Refusal:
    return Refusal(_said(400, message))


def _check(form: Form, to: Sequence[str]) -> None:
    if not to:
        raise _wrong("to parameter is missing")
    if len(to) > _MOST_RECIPIENTS:
        raise _wrong(f"Too many recipients, max is {_MOST_RECIPIENTS}")
    if not all(map(plausible, to)):
        raise _wrong("to parameter is not a valid address. please check documentation")
    options = [(name, value) for name, values in form.fields.items() if name[:2] in ("o:", "h:", "v:") for value in values]
    if sum(len(name.encode()) + len(value.encode()) for name, value in options) > _MOST_OPTION_BYTES:
        raise _wrong("Send options (parameters starting with o:, h:, or v:) are limited to 16 kB total")
    if not all(name.isascii() for name, _ in options):
        raise _wrong("Header name must be pure ASCII")


def _of_parts(form: Form, to: Sequence[str]) -> Iterator[Entry]:
    if not form.first("from"):
        raise _wrong("from parameter is missing")
    if not (form.first("text") or form.first("html")):
        raise _wrong("Need at least one of 'text' or 'html' parameters specified")
    headers = {"From": form.first("from") or "", **form.prefixed("h:")}
    template = Whole(form.first("subject") or "", form.first("html"), form.first("text"), headers)
    return _personal(template, form, to, form.first("recipient-variables"))


def _of_mime(kind: str, form: Form, to: Sequence[str]) -> Iterator[Entry]:
    if kind != _MULTIPART:
        raise _wrong(f"Invalid request content type. Expecting '{_MULTIPART}' but got '{kind}'")
    mime = form.files.get("message")
    if mime is None:
        raise _wrong("'message' parameter is not a file" if form.first("message") else "message parameter is missing")
    variables = form.first("recipient-variables") or header_of(mime, _VARIABLES)
    if variables:
        return _personal(parts_of(mime), form, to, variables)
    content = Raw(mime)
    return (Entry(address, content, form.prefixed("v:")) for address in to)


def _personal(template: Whole, form: Form, to: Sequence[str], variables: str | None) -> Iterator[Entry]:
    """One message each with recipient variables; without them everybody sees everybody in To."""
    values = _values(variables)
    custom = form.prefixed("v:")
    for address in to:
        own = values.get(address, {})
        headers = {"To": address if variables else ", ".join(to)}
        content: Content = Templated(template, own, percent, headers)
        metadata = percent(Whole("", None, None, custom), own).headers if own else custom
        yield Entry(address, content, metadata)


def _values(variables: str | None) -> dict[str, dict[str, str]]:
    try:
        read = orjson.loads(variables) if variables else {}
        return {address: texts_of(own) for address, own in read.items()}
    except (ValueError, AttributeError):
        raise _wrong("'recipient-variables' parameter is not a valid JSON") from None
