# ruff: noqa: ARG002 - the signatures are those of the port; not every provider needs all they are told
"""Resend's emails API, as its API reference ("Send Email", "Send Batch Emails", "Errors", "Idempotency Keys") has it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from simulator.esp.addresses import address_in, plausible
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
    WithoutLookUp,
    account_of,
    bearer_of,
    json_reply,
    read_json,
    route,
    text_of,
    texts_of,
)
from simulator.esp.contents import Whole
from simulator.esp.names import uuid_name

_MOST_MESSAGES = 100
_MOST_BYTES = 40_000_000
_LONGEST_KEY = 256
_DAY = 86_400.0
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}$")


class Resend(WithoutLookUp):
    """`POST /emails` and `POST /emails/batch`; a batch is taken whole unless permissive validation is asked for."""

    name = "resend"
    routes: Sequence[Route] = (route("POST", "/emails"), route("POST", "/emails/batch"), route("GET", "/domains", Purpose.GREET))
    declines = frozenset({Declined.REJECTED})
    key_lifetime: float = _DAY

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def account(self, call: Call) -> str:
        """By its API key: 401 for none, 403 for a wrong one."""
        key = bearer_of(call)
        if not key:
            raise Refusal(_said(401, "missing_api_key", "Missing API Key"))
        if key == REVOKED:
            raise Refusal(self.denied())
        return account_of(key)

    def read(self, call: Call, account: str) -> Order:
        """One entry per message."""
        key = call.headers.get("idempotency-key")
        if key is not None and not 0 < len(key) <= _LONGEST_KEY:
            raise Refusal(_said(400, "invalid_idempotency_key", "The key must be between 1-256 chars."))
        if len(call.body) > _MOST_BYTES:
            raise Refusal(_said(413, "validation_error", "The request is larger than 40 MB."))
        try:
            read = read_json(call)
        except ValueError:
            raise Refusal(_said(400, "validation_error", "The request body is not valid JSON.")) from None
        batch = call.path.rstrip("/").endswith("batch")
        messages = read if batch else [read]
        if not isinstance(messages, list) or not 0 < len(messages) <= _MOST_MESSAGES:
            raise Refusal(_said(422, "validation_error", f"A batch has from 1 to {_MOST_MESSAGES} emails."))
        entries = [_entry(message) for message in messages]
        faults = [entry.fault for entry in entries if entry.fault]
        permissive = batch and call.headers.get("x-batch-validation") == "permissive"
        if faults and not permissive:
            raise Refusal(_said(422, "validation_error", faults[0]))
        return Order(account, entries, idempotency_key=key, many=batch, whole=not permissive)

    def answer(self, order: Order, outcomes: Sequence[Outcome]) -> Reply:
        """200 with the id, or with a list of them; in a permissive batch the places of those that were not taken."""
        ids = [{"id": outcome.esp_message_id} for outcome in outcomes if isinstance(outcome, Receipt)]
        if not order.many:
            return json_reply(200, ids[0])
        errors = [
            {"index": place, "message": entry.fault or "Invalid `to` field."}
            for place, (entry, outcome) in enumerate(zip(order.entries, outcomes, strict=True))
            if isinstance(outcome, Declined)
        ]
        return json_reply(200, {"data": ids, **({"errors": errors} if errors else {})})

    def repeated(self, first: Reply, *, same: bool, in_progress: bool) -> Reply:
        """The first answer again; 409 for another body, or while the first call is being worked on."""
        if not same:
            return _said(409, "invalid_idempotent_request", "Same idempotency key used with a different request payload.")
        if in_progress:
            return _said(409, "concurrent_idempotent_requests", "Same idempotency key used while original request is still in progress.")
        return first

    def greet(self) -> Reply:
        """The domains."""
        return json_reply(200, {"object": "list", "data": []})

    def denied(self) -> Reply:
        """403."""
        return _said(403, "invalid_api_key", "API key is invalid")

    def throttled(self, order: Order | None, after: float | None) -> Reply:
        """429 with the ratelimit headers of the IETF draft."""
        limits = {"ratelimit-limit": "2", "ratelimit-remaining": "0", "ratelimit-reset": f"{after or 1:g}"}
        return _said(429, "rate_limit_exceeded", "Too many requests.", limits | ({"retry-after": f"{after:g}"} if after else {}))

    def failed(self) -> Reply:
        """500."""
        return _said(500, "internal_server_error", "An unexpected error occurred.")

    def message_name(self, number: int) -> str:
        """A UUID."""
        return uuid_name(self.name, self._seed, number)


def _said(status: int, name: str, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    return json_reply(status, {"statusCode": status, "name": name, "message": message}, headers or {})


def _entry(message: Any) -> Entry:
    if not isinstance(message, dict):
        return Entry("", Whole("", None, None), {}, fault="An email is an object.")
    to = message.get("to") or ""
    mailbox = str(to[0] if isinstance(to, list) else to)
    tags = {str(tag.get("name")): text_of(tag.get("value")) for tag in message.get("tags") or ()}
    headers = texts_of(message.get("headers")) | {"From": str(message.get("from", "")), "To": mailbox}
    if reply_to := message.get("reply_to") or message.get("replyTo"):
        headers["Reply-To"] = ", ".join(reply_to) if isinstance(reply_to, list) else str(reply_to)
    content = Whole(message.get("subject") or "", message.get("html"), message.get("text"), headers)
    return Entry(address_in(mailbox), content, tags, fault=_fault(message, mailbox, tags))


def _fault(message: Mapping[str, Any], mailbox: str, tags: Mapping[str, str]) -> str | None:
    """The first rule that a message breaks."""
    missing = [field for field in ("from", "to", "subject") if not message.get(field)]
    rules = (
        (not missing, f"Missing `{''.join(missing[:1])}` field."),
        (plausible(address_in(str(message.get("from")))), "Invalid `from` field."),
        (plausible(address_in(mailbox)), "Invalid `to` field."),
        (bool(message.get("html") or message.get("text")), "Missing `html` or `text` field."),
        (
            all(_TAG.match(name) and _TAG.match(value) for name, value in tags.items()),
            "Tags should only contain ASCII letters, numbers, underscores, or dashes.",
        ),
        (all(isinstance(value, str) for value in (message.get("headers") or {}).values()), "Headers must be strings."),
    )
    return next((fault for kept, fault in rules if not kept), None)
