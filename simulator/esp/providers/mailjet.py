# ruff: noqa: ARG002 - the signatures are those of the port; not every provider needs all they are told
"""Mailjet's Send API v3.1 and its message resource, as its guides ("Send API v3.1", its table of errors) have them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from simulator.esp.addresses import mailbox, plausible
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
    basic_of,
    json_reply,
    read_json,
    route,
    texts_of,
)
from simulator.esp.contents import Whole
from simulator.esp.names import hex_name, number_name

_MOST_MESSAGES = 50
_MOST_BYTES = 15_000_000
_LONGEST_SUBJECT = 255
# "List of forbidden headers": those with a property of their own, and those that Mailjet sets itself.
_FORBIDDEN = frozenset(
    """
    from sender subject to cc bcc reply-to return-path delivered-to dkim-signature domainkey-status received-spf authentication-results
    received x-mailjet-prio x-mailjet-debug user-agent x-mailer x-mj-customid x-mj-eventpayload x-mj-vars x-mj-templateerrordeliver
    x-mj-templateerrorreporting x-mj-templatelanguage x-mailjet-trackopen x-mailjet-trackclick x-mj-templateid x-mj-workflowid
    x-feedback-id x-mailjet-segmentation list-id x-mj-mid x-mj-errormessage date x-csa-complaints message-id x-mailjet-campaign
    x-mj-statisticscontactslistid
    """.split()  # noqa: SIM905 - a list to read
)
_CUSTOM_ID = "CustomID"
_WORDS = {
    Declined.REJECTED: (400, "mj-0013", "is an invalid email address."),
    Declined.THROTTLED: (429, "mj-0012", "Too many requests."),
}


class Mailjet(WithoutKeys):
    """`POST /v3.1/send`: a word on each message, 400 if any failed; `GET /v3/REST/message?CustomID=` to look one up."""

    name = "mailjet"
    routes: Sequence[Route] = (
        route("POST", "/v3.1/send"),
        route("GET", "/v3/REST/message", Purpose.LOOKUP),
        route("GET", "/v3/REST/apikey", Purpose.GREET),
    )
    declines = frozenset({Declined.REJECTED, Declined.THROTTLED})

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def account(self, call: Call) -> str:
        """By its public key."""
        given = basic_of(call)
        if not given or not given[0] or given[1] in ("", REVOKED):
            raise Refusal(self.denied())
        return account_of(given[0])

    def read(self, call: Call, account: str) -> Order:
        """One entry per message: a rule that a message breaks is that message's alone."""
        if len(call.body) > _MOST_BYTES:
            raise Refusal(_said(413, "mj-0011", "The payload size is over the limit."))
        try:
            asked = read_json(call)
        except ValueError:
            raise Refusal(_said(400, "mj-0031", "The request body is not valid JSON.")) from None
        messages = asked.get("Messages") if isinstance(asked, dict) else None
        if not isinstance(messages, list) or not messages:
            raise Refusal(_said(400, "mj-0003", '"Messages" is mandatory.'))
        if len(messages) > _MOST_MESSAGES:
            raise Refusal(_said(400, "mj-0008", f'"Messages" has more than {_MOST_MESSAGES} elements.'))
        globals_ = asked.get("Globals") or {}
        return Order(account, [_entry({**globals_, **message}) for message in messages], many=True)

    def answer(self, order: Order, outcomes: Sequence[Outcome]) -> Reply:
        """In the order of the messages."""
        words = [self._word(entry, outcome) for entry, outcome in zip(order.entries, outcomes, strict=True)]
        failed = any(word["Status"] == "error" for word in words)
        return json_reply(400 if failed else 200, {"Messages": words})

    def look_up(self, call: Call, account: str, search: Search) -> Reply:
        """Messages with this CustomID."""
        wanted = call.query.get(_CUSTOM_ID)
        if not wanted:
            raise Refusal(_said(400, "mj-0003", "The simulator looks messages up by CustomID only."))
        shown = call.query.get("ShowCustomID", "").casefold() == "true"
        data = [_listed(held, shown=shown) for held in search(_CUSTOM_ID, wanted) if held.account == account]
        return json_reply(200, {"Count": len(data), "Data": data, "Total": len(data)})

    def greet(self) -> Reply:
        """The key."""
        return json_reply(200, {"Count": 1, "Data": [{"ID": 1, "IsActive": True}], "Total": 1})

    def denied(self) -> Reply:
        """401."""
        return _said(401, "mj-0002", "API key authentication/authorization failure.")

    def throttled(self, order: Order | None, after: float | None) -> Reply:
        """429."""
        return _said(429, "mj-0012", "Too many requests.", {"retry-after": f"{after:g}"} if after else {})

    def failed(self) -> Reply:
        """500."""
        return _said(500, "mj-0001", "An internal error occurred.")

    def message_name(self, number: int) -> str:
        """A number of 17 digits."""
        return str(number_name(self.name, self._seed, number))

    def _word(self, entry: Entry, outcome: Outcome) -> dict[str, Any]:
        if isinstance(outcome, Receipt):
            to = {
                "Email": entry.recipient,
                "MessageUUID": guid_of(outcome.esp_message_id),
                "MessageID": int(outcome.esp_message_id),
                "MessageHref": f"https://api.mailjet.com/v3/REST/message/{outcome.esp_message_id}",
            }
            return {"Status": "success", "CustomID": entry.metadata.get(_CUSTOM_ID, ""), "To": [to], "Cc": [], "Bcc": []}
        code, _, message = (entry.fault or "").partition(": ")
        return {"Status": "error", "Errors": [_error(*_WORDS.get(outcome, (400, code, message)))]}


def guid_of(esp_message_id: str) -> str:
    """Mailjet's other id of a message."""
    return str(UUID(hex_name("mailjet", 0, int(esp_message_id)), version=4))


def _error(status: int, code: str, message: str) -> dict[str, object]:
    identifier = str(UUID(hex_name("mailjet-error", status, len(message)), version=4))
    return {"ErrorIdentifier": identifier, "ErrorCode": code, "StatusCode": status, "ErrorMessage": message, "ErrorRelatedTo": []}


def _said(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    return json_reply(status, _error(status, code, message), headers or {})


def _entry(message: Mapping[str, Any]) -> Entry:
    to, sender = (message.get("To") or [{}])[0], message.get("From") or {}
    headers = texts_of(message.get("Headers")) | {"From": mailbox(sender.get("Email", ""), sender.get("Name"))}
    headers["To"] = mailbox(to.get("Email", ""), to.get("Name"))
    if reply_to := message.get("ReplyTo"):
        headers["Reply-To"] = mailbox(reply_to.get("Email", ""), reply_to.get("Name"))
    content = Whole(message.get("Subject") or "", message.get("HTMLPart"), message.get("TextPart"), headers)
    metadata = {name: str(message[name]) for name in (_CUSTOM_ID, "EventPayload") if message.get(name)}
    return Entry(to.get("Email", ""), content, metadata, fault=_fault(message, to, sender))


def _fault(message: Mapping[str, Any], to: Mapping[str, str], sender: Mapping[str, str]) -> str | None:
    """The rule that a message breaks, with its code before it."""
    if not plausible(sender.get("Email", "")) or not plausible(to.get("Email", "")):
        return 'mj-0013: "From" or "To" is an invalid email address.'
    if not (message.get("HTMLPart") or message.get("TextPart")):
        return 'send-0003: At least "HTMLPart", "TextPart" or "TemplateID" must be provided.'
    if len(message.get("Subject") or "") > _LONGEST_SUBJECT:
        return 'mj-0006: "Subject" is longer than 255 characters.'
    forbidden = {name.casefold() for name in message.get("Headers") or {}} & _FORBIDDEN
    if forbidden:
        return f'send-0011: The header "{min(forbidden)}" cannot be customised through "Headers".'
    return None


def _listed(held: Held, *, shown: bool) -> dict[str, object]:
    listed: dict[str, object] = {
        "ArrivedAt": datetime.fromtimestamp(held.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "ID": int(held.esp_message_id),
        "UUID": guid_of(held.esp_message_id),
        "IsClickTracked": False,
        "IsOpenTracked": False,
        "MessageSize": len(orjson.dumps(dict(held.entry.metadata))),
        "Status": "sent",
        "StateID": 0,
        "StatePermanent": False,
    }
    return listed | ({_CUSTOM_ID: held.entry.metadata.get(_CUSTOM_ID, "")} if shown else {})
