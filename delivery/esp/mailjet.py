"""Mailjet Send API v3.1, up to 50 letters per call: dev.mailjet.com/email/reference/send-emails (`docs/esp/mailjet.md`)."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar
from urllib.parse import urlencode

import orjson

from delivery.answers import Accepted, Answer, Cause, Rejected, Retry, Unknown
from delivery.esp.address import EspAddress
from delivery.esp.bodies import at, document, items, own_id, words
from delivery.esp.endpoint import Endpoint, account_of, endpoint_of, secret_of
from delivery.esp.http_answers import ABOUT_US, all_unknown, key_fault, not_taken
from delivery.esp.parts import given, parts_of
from delivery.esp.provider import Limits, Outcome, Request, Response
from delivery.esp.reasons import reason_of
from domain.ids import MessageId
from domain.message import Letter

HOST = "api.mailjet.com"
OK = 200
_LISTED = frozenset({200, 201, 400, 401, 403})  # one letter that is refused turns the whole status, and the list tells of each
_THROTTLED = 429
_SETS_ITSELF = ("message-id", "list-id")  # refused with send-0011


@dataclass(frozen=True, slots=True)
class Mailjet:
    """An API key with its secret."""

    name: str
    endpoint: Endpoint
    key: str
    secret: str = field(repr=False)

    limits: ClassVar[Limits] = Limits(messages=50, bytes=15_000_000)
    remembers: ClassVar[timedelta | None] = None

    @staticmethod
    def at(address: EspAddress) -> "Mailjet":
        """`mailjet://KEY:SECRET@`."""
        endpoint, secret = endpoint_of(address, HOST), secret_of(address, "a secret key")
        if not address.username:
            raise address.mistake("mailjet needs the API key before the secret key", "such as mailjet://KEY:SECRET@")
        return Mailjet(account_of(address, endpoint, HOST, secret), endpoint, address.username, secret)

    def build(self, batch: Sequence[Letter]) -> Request:
        """POST /v3.1/send. Our id is the CustomID, which events bring back and which can be searched for."""
        body = orjson.dumps({"Messages": [_message(letter) for letter in batch]})
        return Request("POST", "/v3.1/send", self._headers(), body)

    def classify(self, batch: Sequence[Letter], outcome: Outcome) -> tuple[Answer, ...]:
        """A result per letter in order, whatever the status; without the list, an error for the whole call."""
        if not isinstance(outcome, Response):
            return not_taken(batch, outcome)
        told = document(outcome)
        results = items(told, "Messages")
        if outcome.status in _LISTED and len(results) == len(batch):
            return tuple(_answer(letter, result) for letter, result in zip(batch, results, strict=True))
        if results or outcome.status == OK:
            return all_unknown(batch, "the answer does not list every letter")
        return not_taken(batch, outcome, _said(told))

    def probe(self) -> Request:
        """The key."""
        return Request("GET", "/v3/REST/apikey", self._headers())

    def fault(self, response: Response) -> str | None:
        """A key that is refused."""
        return key_fault(response, _said(document(response)))

    def question(self, message_id: MessageId) -> Request:
        """Search by CustomID."""
        return Request("GET", f"/v3/REST/message?{urlencode({'CustomID': message_id, 'ShowCustomID': 'true'})}", self._headers())

    def proof(self, message_id: MessageId, response: Response) -> Accepted | None:
        """Found, under our id: taken."""
        for found in items(document(response), "Data") if response.status == OK else []:
            if words(found, "CustomID") == message_id:
                return Accepted(message_id, own_id(found, "ID"))
        return None

    def _headers(self) -> dict[str, str]:
        pair = b64encode(f"{self.key}:{self.secret}".encode()).decode()
        return {"Authorization": f"Basic {pair}", "Content-Type": "application/json", "Accept": "application/json"}


def _message(letter: Letter) -> dict[str, object]:
    parts = parts_of(letter)
    message: dict[str, object] = {
        "From": given(Email=parts.from_address, Name=parts.from_name),
        "To": [{"Email": parts.to}],
        "Subject": parts.subject,
        "Headers": parts.without(*_SETS_ITSELF),
        "CustomID": letter.message_id,
        **given(TextPart=parts.text),
    }
    if parts.reply_to:
        message["ReplyTo"] = {"Email": parts.reply_to}
    if parts.html:  # without HTML there is nothing to track, and saying so is an error
        message |= {"HTMLPart": parts.html, "TrackOpens": "disabled", "TrackClicks": "disabled"}
    return message


def _answer(letter: Letter, result: object) -> Answer:
    status = words(result, "Status")
    if status == "success":
        return Accepted(letter.message_id, own_id(result, "To", 0, "MessageID"))
    if status != "error":
        return Unknown(letter.message_id, "the answer does not say what became of it")
    error = at(result, "Errors", 0)
    reason, code = reason_of("refused:", _said(error)), at(error, "StatusCode")
    if code == _THROTTLED:
        return Retry(letter.message_id, reason, cause=Cause.THROTTLED)
    return Retry(letter.message_id, reason, cause=Cause.UNREACHABLE) if code in ABOUT_US else Rejected(letter.message_id, reason)


def _said(error: object) -> str:
    return f"{words(error, 'ErrorCode')} {words(error, 'ErrorMessage')}".strip()
