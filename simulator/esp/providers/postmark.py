# ruff: noqa: ARG002 - the signatures are those of the port; not every provider needs all they are told
"""Postmark's email and messages APIs, as its developer docs ("Email API", "Messages API", "API overview") have them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from simulator.esp.addresses import address_in, addresses_in, plausible
from simulator.esp.calls import (
    REVOKED,
    Call,
    Declined,
    Entry,
    Held,
    Order,
    Outcome,
    Purpose,
    Receipt,
    Refusal,
    Reply,
    Route,
    Search,
    WithoutKeys,
    account_of,
    json_reply,
    read_json,
    route,
    texts_of,
)
from simulator.esp.contents import Whole
from simulator.esp.names import uuid_name

_MOST_MESSAGES = 500
_MOST_BYTES = 50_000_000
_MOST_BATCH_LOOKUP = 500
_FURTHEST_LOOKUP = 10_000  # count and offset together
_MOST_METADATA, _LONGEST_NAME, _LONGEST_VALUE = 10, 20, 80  # "Custom metadata FAQ"
_OK, _BAD_TOKEN, _INVALID, _TOO_MANY, _INACTIVE, _THROTTLED = 0, 10, 300, 410, 406, 429
_WORDS = {
    Declined.REJECTED: (_INACTIVE, "You tried to send to a recipient that has been marked as inactive."),
    Declined.THROTTLED: (_THROTTLED, "Rate limit exceeded."),
}


class Postmark(WithoutKeys):
    """`POST /email`, `POST /email/batch`, and `GET /messages/outbound` to look messages up by their metadata."""

    name = "postmark"
    routes: Sequence[Route] = (
        route("POST", "/email"),
        route("POST", "/email/batch"),
        route("GET", "/messages/outbound", Purpose.LOOKUP),
        route("GET", "/server", Purpose.GREET),
    )
    declines = frozenset({Declined.REJECTED, Declined.THROTTLED})

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def account(self, call: Call) -> str:
        """By the server token."""
        token = call.headers.get("x-postmark-server-token", "")
        if not token or token == REVOKED:
            raise Refusal(self.denied())
        return account_of(token)

    def read(self, call: Call, account: str) -> Order:
        """One entry per message: a rule that a message of a batch breaks is that message's alone."""
        if len(call.body) > _MOST_BYTES:
            raise Refusal(_said(413, _INVALID, "Payload too large."))
        try:
            read = read_json(call)
        except ValueError:
            raise Refusal(_said(422, 402, "Received invalid JSON input.")) from None
        batch = call.path.rstrip("/").endswith("batch")
        messages = read if batch else [read]
        if not isinstance(messages, list) or not messages or not all(isinstance(message, dict) for message in messages):
            raise Refusal(_said(422, 403, "Incompatible JSON."))
        if len(messages) > _MOST_MESSAGES:
            raise Refusal(_said(422, _TOO_MANY, f"Too many batch messages: at most {_MOST_MESSAGES}."))
        return Order(account, [_entry(message) for message in messages], many=batch)

    def answer(self, order: Order, outcomes: Sequence[Outcome]) -> Reply:
        """200 with a word on each message of a batch; 200 or 422 for a single one."""
        words = [self._word(entry, outcome) for entry, outcome in zip(order.entries, outcomes, strict=True)]
        if order.many:
            return json_reply(200, words)
        return json_reply(422 if words[0]["ErrorCode"] else 200, words[0])

    def look_up(self, call: Call, account: str, search: Search) -> Reply:
        """Messages by one field of their metadata, latest first."""
        count, offset = _whole(call.query.get("count")), _whole(call.query.get("offset"))
        if not 0 < count <= _MOST_BATCH_LOOKUP or offset < 0 or count + offset > _FURTHEST_LOOKUP:
            raise Refusal(_said(422, _INVALID, "Both 'count' and 'offset' are required; count is 1 to 500, together at most 10,000."))
        wanted = [(name.removeprefix("metadata_"), value) for name, value in call.query.items() if name.startswith("metadata_")]
        if len(wanted) != 1:
            raise Refusal(_said(422, _INVALID, "The simulator looks messages up by one field of their metadata only."))
        found = [held for held in search(*wanted[0]) if held.account == account][::-1]
        return json_reply(200, {"TotalCount": len(found), "Messages": [_listed(held) for held in found[offset : offset + count]]})

    def greet(self) -> Reply:
        """The server that the token is of."""
        return json_reply(200, {"ID": 23, "Name": "simulated", "DeliveryType": "Live"})

    def denied(self) -> Reply:
        """401 with code 10."""
        return _said(401, _BAD_TOKEN, "Request does not contain a valid Server token.")

    def throttled(self, order: Order | None, after: float | None) -> Reply:
        """429."""
        return _said(429, _THROTTLED, "Rate limit exceeded.", {"retry-after": f"{after:g}"} if after else {})

    def failed(self) -> Reply:
        """500."""
        return _said(500, 500, "Internal server error.")

    def message_name(self, number: int) -> str:
        """A UUID."""
        return uuid_name(self.name, self._seed, number)

    def _word(self, entry: Entry, outcome: Outcome) -> dict[str, object]:
        if isinstance(outcome, Receipt):
            at = datetime.now(UTC).isoformat()
            return {"To": entry.recipient, "SubmittedAt": at, "MessageID": outcome.esp_message_id, "ErrorCode": _OK, "Message": "OK"}
        code, message = _WORDS.get(outcome, (_INVALID, entry.fault))
        return {"ErrorCode": code, "Message": message}


def _said(status: int, code: int, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    return json_reply(status, {"ErrorCode": code, "Message": message}, headers or {})


def _whole(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else -1


def _entry(message: Mapping[str, Any]) -> Entry:
    headers = {str(header.get("Name")): str(header.get("Value")) for header in message.get("Headers") or ()}
    headers |= {name: str(message[key]) for name, key in (("From", "From"), ("To", "To"), ("Reply-To", "ReplyTo")) if message.get(key)}
    content = Whole(message.get("Subject") or "", message.get("HtmlBody"), message.get("TextBody"), headers)
    return Entry(address_in(str(message.get("To", ""))), content, texts_of(message.get("Metadata")), fault=_fault(message))


def _fault(message: Mapping[str, Any]) -> str | None:
    """The rule that a message breaks."""
    if not addresses_in(str(message.get("From", ""))):
        return "Invalid 'From' address: ''."
    to = addresses_in(str(message.get("To", "")))
    if not to or not all(map(plausible, to)):
        return "Invalid 'To' address."
    if not (message.get("HtmlBody") or message.get("TextBody")):
        return "Provide either email TextBody or HtmlBody or both."
    metadata = message.get("Metadata") or {}
    if len(metadata) > _MOST_METADATA or any(
        len(name) > _LONGEST_NAME or len(str(value)) > _LONGEST_VALUE for name, value in metadata.items()
    ):
        return "Invalid metadata content."
    return None


def _listed(held: Held) -> dict[str, object]:
    to = [{"Email": address, "Name": None} for address in addresses_in(held.entry.recipient)]
    return {
        "Tag": "",
        "MessageID": held.esp_message_id,
        "MessageStream": "outbound",
        "To": to,
        "Cc": [],
        "Bcc": [],
        "Recipients": [one["Email"] for one in to],
        "ReceivedAt": datetime.fromtimestamp(held.at, UTC).isoformat(),
        "Attachments": [],
        "Status": "Sent",
        "TrackOpens": False,
        "TrackLinks": "None",
        "Metadata": dict(held.entry.metadata),
        "Sandboxed": False,
    }
