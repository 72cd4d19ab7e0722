"""Postmark, up to 500 letters per call: postmarkapp.com/developer/api/email-api, "Send batch emails" (`docs/esp/postmark.md`)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar
from urllib.parse import urlencode

import orjson

from delivery.answers import Accepted, Answer, Cause, Rejected, Retry, Unknown
from delivery.esp.address import EspAddress
from delivery.esp.bodies import document, items, own_id, words
from delivery.esp.endpoint import Endpoint, account_of, endpoint_of, secret_of
from delivery.esp.http_answers import all_unknown, is_clear_yes, key_fault, not_taken
from delivery.esp.parts import given, parts_of
from delivery.esp.provider import OUR_ID, Limits, Outcome, Request, Response
from delivery.esp.reasons import reason_of
from domain.ids import MessageId
from domain.message import Letter

HOST = "api.postmarkapp.com"
OK = 200
_KEEP_ID = {"Name": "X-PM-KeepID", "Value": "true"}  # else Postmark replaces our Message-ID

# "API error codes" of the overview. These are about us: token, sender signature, approval, money, maintenance.
_ABOUT_US = frozenset({"10", "100", "400", "401", "405", "412", "413", "500", "501"})
_THROTTLED = frozenset({"429"})


@dataclass(frozen=True, slots=True)
class Postmark:
    """A server and one of its message streams."""

    name: str
    endpoint: Endpoint
    stream: str
    token: str = field(repr=False)

    limits: ClassVar[Limits] = Limits(messages=500, bytes=50_000_000)
    remembers: ClassVar[timedelta | None] = None

    @staticmethod
    def at(address: EspAddress) -> "Postmark":
        """`postmark://:TOKEN@?stream=broadcast`."""
        endpoint, token = endpoint_of(address, HOST, "stream"), secret_of(address, "a server token")
        stream = address.options.get("stream", "broadcast")
        return Postmark(account_of(address, endpoint, HOST, token), endpoint, stream, token)

    def build(self, batch: Sequence[Letter]) -> Request:
        """POST /email/batch. Our id is metadata, which events bring back and which can be searched for."""
        return Request("POST", "/email/batch", self._headers(), orjson.dumps([self._message(letter) for letter in batch]))

    def classify(self, batch: Sequence[Letter], outcome: Outcome) -> tuple[Answer, ...]:
        """200 with one result per letter, in order; an ErrorCode of its own for each that was not taken."""
        if not isinstance(outcome, Response) or not is_clear_yes(outcome, OK):
            said = words(document(outcome), "Message") if isinstance(outcome, Response) else ""
            return not_taken(batch, outcome, said)
        results = items(document(outcome))
        if len(results) != len(batch):
            return all_unknown(batch, "the answer does not list every letter")
        return tuple(_answer(letter, result) for letter, result in zip(batch, results, strict=True))

    def probe(self) -> Request:
        """The server that the token is of."""
        return Request("GET", "/server", self._headers())

    def fault(self, response: Response) -> str | None:
        """A token that is refused."""
        return key_fault(response, words(document(response), "Message"))

    def question(self, message_id: MessageId) -> Request:
        """Search by metadata; kept for as long as Postmark keeps activity (45 days, if not changed)."""
        query = urlencode({"count": 1, "offset": 0, f"metadata_{OUR_ID}": message_id})
        return Request("GET", f"/messages/outbound?{query}", self._headers())

    def proof(self, message_id: MessageId, response: Response) -> Accepted | None:
        """Found, under our id: taken."""
        for found in items(document(response), "Messages") if response.status == OK else []:
            if words(found, "Metadata", OUR_ID) == message_id:
                return Accepted(message_id, own_id(found, "MessageID"))
        return None

    def _message(self, letter: Letter) -> dict[str, object]:
        parts = parts_of(letter)
        return {
            "From": parts.sender,
            "To": parts.to,
            "Subject": parts.subject,
            **given(HtmlBody=parts.html, TextBody=parts.text, ReplyTo=parts.reply_to),
            "Headers": [*({"Name": name, "Value": value} for name, value in parts.headers), _KEEP_ID],
            "Metadata": {OUR_ID: letter.message_id},
            "TrackOpens": False,
            "TrackLinks": "None",
            "MessageStream": self.stream,
        }

    def _headers(self) -> dict[str, str]:
        return {"X-Postmark-Server-Token": self.token, "Content-Type": "application/json", "Accept": "application/json"}


def _answer(letter: Letter, result: object) -> Answer:
    code, esp_id = words(result, "ErrorCode"), own_id(result, "MessageID")
    if code in ("0", "") and esp_id:  # the code was seen missing where delivery may be delayed
        return Accepted(letter.message_id, esp_id)
    if not code or code == "0":
        return Unknown(letter.message_id, "the answer does not say what became of it")
    reason = reason_of(code, words(result, "Message"))
    if code in _THROTTLED:
        return Retry(letter.message_id, reason, cause=Cause.THROTTLED)
    return Retry(letter.message_id, reason, cause=Cause.UNREACHABLE) if code in _ABOUT_US else Rejected(letter.message_id, reason)
