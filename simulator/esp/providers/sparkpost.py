# ruff: noqa: ARG002 - the signatures are those of the port; not every provider needs all they are told
"""SparkPost's Transmissions API, as its API reference ("Transmissions", "Template Language", "Errors") has it.

Idempotency as its section "Idempotent Requests" has it (SparkPost/developers.sparkpost.com, pull request 590).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from simulator.esp.addresses import plausible
from simulator.esp.calls import (
    REVOKED,
    Call,
    Declined,
    Entry,
    Order,
    Outcome,
    Purpose,
    Refusal,
    Reply,
    Route,
    WithoutLookUp,
    account_of,
    json_reply,
    read_json,
    route,
    texts_of,
)
from simulator.esp.contents import Content, Raw, Templated, Whole, parts_of
from simulator.esp.names import number_name
from simulator.esp.substitution import sparkpost, sparkpost_fault, sparkpost_headers

_MOST_RECIPIENTS = 10_000
_MOST_CONTENT_BYTES = 20_000_000
_MOST_SUBSTITUTION_BYTES, _MOST_METADATA_BYTES = 100_000, 10_000  # per recipient
_KEY = re.compile(r"[A-Za-z0-9._-]{1,255}$")
_DAY = 86_400.0
_NOT_ALLOWED = frozenset({"subject", "from", "to", "reply-to", "content-type", "content-transfer-encoding"})


class SparkPost(WithoutLookUp):
    """`POST /api/v1/transmissions`, answered with one id for all recipients and counts of those taken and not."""

    name = "sparkpost"
    routes: Sequence[Route] = (route("POST", "/api/v1/transmissions"), route("GET", "/api/v1/account", Purpose.GREET))
    declines = frozenset({Declined.REJECTED})
    key_lifetime: float = _DAY

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def account(self, call: Call) -> str:
        """By its API key, which stands in Authorization as it is."""
        key = call.headers.get("authorization", "").strip()
        if not key or key == REVOKED:
            raise Refusal(self.denied())
        return account_of(key)

    def read(self, call: Call, account: str) -> Order:
        """One entry per recipient of an inline list; templates and lists that are stored there are not simulated."""
        key = call.headers.get("idempotency-key")
        if key is not None and not _KEY.match(key):
            raise Refusal(_errors(400, "1602", "invalid idempotency key"))
        try:
            asked = read_json(call)
        except ValueError:
            raise Refusal(_errors(400, "1100", "invalid json")) from None
        content, recipients = asked.get("content") or {}, asked.get("recipients")
        if not isinstance(recipients, list) or not recipients:
            raise Refusal(_errors(400, "5002", "Must have at least one recipient"))
        if len(recipients) > _MOST_RECIPIENTS:
            raise Refusal(_errors(422, "1300", f"at most {_MOST_RECIPIENTS} recipients"))
        template = _content(content)
        return Order(account, list(_entries(asked, recipients, template)), idempotency_key=key, shared_id=True)

    def answer(self, order: Order, outcomes: Sequence[Outcome]) -> Reply:
        """200 with counts; which recipients were rejected it tells only for those that break a rule."""
        ids = [outcome.esp_message_id for outcome in outcomes if not isinstance(outcome, Declined)]
        results: dict[str, object] = {"total_rejected_recipients": len(outcomes) - len(ids), "total_accepted_recipients": len(ids)}
        results["id"] = ids[0] if ids else self.message_name(0)
        faults = [entry.fault for entry in order.entries if entry.fault]
        if not faults:
            return json_reply(200, {"results": results})
        results["rcpt_to_errors"] = [{"message": "required field is missing", "description": fault, "code": "1400"} for fault in faults]
        errors = [{"message": "transmission created, but with validation errors", "code": "2000"}]
        return json_reply(200, {"errors": errors, "results": results})

    def repeated(self, first: Reply, *, same: bool, in_progress: bool) -> Reply:
        """The first answer again, marked; 409 for another body, or while the first call is being worked on."""
        if not same:
            return _errors(409, "1600", "idempotency key was used with a different request")
        if in_progress:
            return _errors(409, "1601", "a request with this idempotency key is in progress")
        return Reply(first.status, first.body, {**first.headers, "x-idempotent-replayed": "true"})

    def greet(self) -> Reply:
        """The account."""
        return json_reply(200, {"results": {"company_name": "simulated", "status": "active"}})

    def denied(self) -> Reply:
        """401."""
        return json_reply(401, {"errors": [{"message": "Unauthorized."}]})

    def throttled(self, order: Order | None, after: float | None) -> Reply:
        """429; the daily and monthly limits would be 420."""
        return _errors(429, "", "Too many requests", {"retry-after": f"{after:g}"} if after else {})

    def failed(self) -> Reply:
        """500."""
        return _errors(500, "", "Internal Server Error")

    def message_name(self, number: int) -> str:
        """The id of a transmission: 17 digits."""
        return str(number_name(self.name, self._seed, number))


def _errors(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    error = {"message": message, "code": code} if code else {"message": message}
    return json_reply(status, {"errors": [error]}, headers or {})


def _content(content: Mapping[str, Any]) -> Whole | Raw:
    """What the recipients share."""
    if mime := content.get("email_rfc822"):
        return Raw(mime.replace("\r\n", "\n").replace("\n", "\r\n").encode())
    pieces = [content.get(name) for name in ("subject", "html", "text")]
    if not content.get("from") or not pieces[0] or not (pieces[1] or pieces[2]):
        raise Refusal(_errors(422, "1400", "content needs from, subject, and html or text"))
    if sum(len(piece.encode()) for piece in pieces if piece) > _MOST_CONTENT_BYTES:
        raise Refusal(_errors(413, "1300", "content is limited to 20 MB"))
    headers = texts_of(content.get("headers"))
    if {name.casefold() for name in headers} & _NOT_ALLOWED:
        raise Refusal(_errors(422, "1300", "a header has a property of its own"))
    sender = content["from"]
    headers["From"] = sender if isinstance(sender, str) else f'"{sender.get("name", "")}" <{sender.get("email", "")}>'
    return Whole(pieces[0], pieces[1], pieces[2], headers | ({"Reply-To": content["reply_to"]} if content.get("reply_to") else {}))


def _entries(asked: Mapping[str, Any], recipients: Sequence[Any], template: Whole | Raw) -> Iterator[Entry]:
    shared, data = texts_of(asked.get("metadata")), asked.get("substitution_data") or {}
    render = sparkpost_headers if (asked.get("options") or {}).get("perform_substitutions") is False else sparkpost
    shape = _readable(template, bodies=render is sparkpost)
    fault = sparkpost_fault(shape) if isinstance(shape, Whole) and render is sparkpost else None
    if fault:
        raise Refusal(_errors(422, "3000", f"substitution language syntax error in template content: {fault}"))
    for recipient in recipients:
        address = recipient.get("address")
        mail = address if isinstance(address, str) else (address or {}).get("email", "")
        metadata = {**shared, **texts_of(recipient.get("metadata"))}
        values = {
            **(asked.get("metadata") or {}),
            **data,
            **(recipient.get("metadata") or {}),
            **(recipient.get("substitution_data") or {}),
        }
        content: Content = Templated(shape, values, render, {"To": mail}) if isinstance(shape, Whole) else shape
        yield Entry(mail, content, metadata, fault=_fault(mail, recipient))


def _readable(template: Whole | Raw, *, bodies: bool) -> Whole | Raw:
    """MIME taken apart where there is anything in it to put values into; else as it is, to the byte."""
    if isinstance(template, Whole) or (b"{{" not in template.mime and b"=?" not in template.mime):
        return template
    parts = parts_of(template.mime)
    read = (parts.subject, *parts.headers.values(), *((parts.html or "", parts.text or "") if bodies else ()))
    return parts if any("{{" in piece for piece in read) else template


def _fault(address: str, recipient: Mapping[str, Any]) -> str | None:
    if not plausible(address):
        return "address.email is required for each recipient"
    if len(orjson.dumps(recipient.get("substitution_data") or {})) > _MOST_SUBSTITUTION_BYTES:
        return "substitution_data is limited to 100 KB"
    if len(orjson.dumps(recipient.get("metadata") or {})) > _MOST_METADATA_BYTES:
        return "metadata is limited to 10 KB"
    return None
