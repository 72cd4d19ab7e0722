# ruff: noqa: ARG002 - the signatures are those of the port; not every provider needs all they are told
"""Brevo's transactional email, as its API reference ("Send a transactional email", "Batch send", "Idempotency for batch emails") has it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

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
    WithoutLookUp,
    account_of,
    json_reply,
    read_json,
    route,
    texts_of,
)
from simulator.esp.contents import Content, Templated, Whole
from simulator.esp.names import number_name
from simulator.esp.substitution import brevo

_MOST_VERSIONS, _MOST_RECIPIENTS, _MOST_PER_VERSION = 1_000, 2_000, 99
_MOST_BYTES = 50_000_000
_MOST_PARAMETERS, _MOST_PARAMETERS_IN_ALL = 100_000, 1_000_000  # bytes
_HALF_HOUR = 1_800.0
_KEYS = ("idempotencykey",)


class Brevo(WithoutLookUp):
    """`POST /v3/smtp/email`, with `messageVersions` for many; the idempotency key stands in the body's headers."""

    name = "brevo"
    routes: Sequence[Route] = (route("POST", "/v3/smtp/email"), route("GET", "/v3/account", Purpose.GREET))
    declines: frozenset[Declined] = frozenset()
    key_lifetime: float = _HALF_HOUR

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def account(self, call: Call) -> str:
        """By its API key."""
        key = call.headers.get("api-key", "")
        if not key or key == REVOKED:
            raise Refusal(self.denied())
        return account_of(key)

    def read(self, call: Call, account: str) -> Order:
        """One entry per recipient of each version."""
        if len(call.body) > _MOST_BYTES:
            raise Refusal(_said(413, "invalid_parameter", "The request is too large"))
        try:
            asked = read_json(call)
        except ValueError:
            raise _wrong("Input must be a valid JSON object") from None
        versions = asked.get("messageVersions")
        if versions is not None and not 0 < len(versions) <= _MOST_VERSIONS:
            raise _wrong(f"messageVersions has from 1 to {_MOST_VERSIONS} versions")
        _check(asked, versions or [asked])
        entries = [entry for version in versions or [asked] for entry in _entries(asked, version)]
        if len(entries) > _MOST_RECIPIENTS:
            raise _wrong(f"at most {_MOST_RECIPIENTS} recipients in all")
        return Order(account, entries, idempotency_key=_key(asked), many=versions is not None)

    def answer(self, order: Order, outcomes: Sequence[Outcome]) -> Reply:
        """201 with the Message-Id, or with one per version."""
        ids = [outcome.esp_message_id for outcome in outcomes if isinstance(outcome, Receipt)]
        return json_reply(201, {"messageIds": ids} if order.many else {"messageId": ids[0]})

    def repeated(self, first: Reply, *, same: bool, in_progress: bool) -> Reply:
        """400 `duplicate_parameter`, whatever the body: the key was used, so its call was carried out."""
        return _said(400, "duplicate_parameter", "The idempotencyKey was used within the last 30 minutes")

    def greet(self) -> Reply:
        """The account."""
        return json_reply(200, {"email": "simulated@example.com", "plan": []})

    def denied(self) -> Reply:
        """401."""
        return _said(401, "unauthorized", "Key not found")

    def throttled(self, order: Order | None, after: float | None) -> Reply:
        """429 with its own rate limit headers; Retry-After on top where seconds are to be told."""
        limits = {"x-sib-ratelimit-limit": "1000", "x-sib-ratelimit-remaining": "0", "x-sib-ratelimit-reset": f"{after or 1:g}"}
        return _said(429, "too_many_requests", "Too many requests", limits | ({"retry-after": f"{after:g}"} if after else {}))

    def failed(self) -> Reply:
        """500."""
        return _said(500, "internal_error", "Internal error")

    def message_name(self, number: int) -> str:
        """Its Message-Id."""
        made = str(number_name(self.name, self._seed, number))
        return f"<2026{made[:8]}.{made[8:]}@smtp-relay.mailin.fr>"


def _said(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    return json_reply(status, {"code": code, "message": message}, headers or {})


def _wrong(message: str, code: str = "invalid_parameter") -> Refusal:
    return Refusal(_said(400, code, message))


def _key(asked: Mapping[str, Any]) -> str | None:
    """The idempotency key, under either spelling that Brevo's pages use; a UUID."""
    keys = [str(value) for name, value in (asked.get("headers") or {}).items() if name.casefold() in _KEYS]
    if not keys:
        return None
    try:
        return str(UUID(keys[0]))
    except ValueError:
        raise _wrong("idempotencyKey must be a UUID") from None


def _check(asked: Mapping[str, Any], versions: Sequence[Mapping[str, Any]]) -> None:
    if not plausible((asked.get("sender") or {}).get("email", "")):
        raise _wrong("valid sender email required", "missing_parameter" if not asked.get("sender") else "invalid_parameter")
    if not (asked.get("htmlContent") or asked.get("textContent")):
        raise _wrong("either of htmlContent or textContent is required", "missing_parameter")
    if not all(version.get("subject") or asked.get("subject") for version in versions):
        raise _wrong("subject is required", "missing_parameter")
    sizes = [len(orjson.dumps(version.get("params") or {})) for version in versions]
    if max(sizes) > _MOST_PARAMETERS or sum(sizes) > _MOST_PARAMETERS_IN_ALL + 2 * len(sizes):
        raise _wrong("params are limited to 100 KB per version and 1000 KB in all")
    for version in versions:
        to = version.get("to") or ()
        if not 0 < len(to) <= _MOST_PER_VERSION or not all(plausible(one.get("email", "")) for one in to):
            raise _wrong("email is not valid in to")


def _entries(asked: Mapping[str, Any], version: Mapping[str, Any]) -> Iterator[Entry]:
    """A version's messages: its own content where it has any, else what all share; all of it is read as a template."""
    custom = texts_of(asked.get("headers")) | texts_of(version.get("headers"))
    headers = {name: value for name, value in custom.items() if name.casefold() not in _KEYS}
    headers |= {"From": mailbox(asked["sender"]["email"], asked["sender"].get("name"))}
    reply_to = version.get("replyTo") or asked.get("replyTo")
    headers |= {"Reply-To": reply_to["email"]} if reply_to else {}
    parts = [version.get(name) or asked.get(name) for name in ("subject", "htmlContent", "textContent")]
    letter = Whole(parts[0] or "", parts[1], parts[2], headers)
    params = {**(asked.get("params") or {}), **(version.get("params") or {})}
    to = ", ".join(mailbox(one["email"], one.get("name")) for one in version["to"])
    content: Content = Templated(letter, params, brevo, {"To": to})
    metadata = _metadata(headers, version.get("tags") or asked.get("tags"))
    return (Entry(one["email"], content, metadata) for one in version["to"])


def _metadata(headers: Mapping[str, str], tags: Sequence[str] | None) -> dict[str, str]:
    """What comes back in events: X-Mailin-custom as it is (and what it says, where it is JSON), and the tags."""
    custom = next((value for name, value in headers.items() if name.casefold() == "x-mailin-custom"), None)
    metadata = {} if custom is None else {"X-Mailin-custom": custom}
    with suppress(ValueError):
        metadata |= texts_of(orjson.loads(custom)) if custom else {}
    return metadata | ({"tags": orjson.dumps(tags).decode()} if tags else {})
