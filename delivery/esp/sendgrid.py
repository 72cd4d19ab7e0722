"""SendGrid v3 Mail Send, one letter per call: twilio.com/docs/sendgrid/api-reference/mail-send (`docs/esp/sendgrid.md`)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

import orjson

from delivery.answers import Answer
from delivery.esp.address import EspAddress
from delivery.esp.bodies import at, document, items, own_id, words
from delivery.esp.endpoint import Endpoint, account_of, endpoint_of, secret_of
from delivery.esp.http_answers import all_accepted, is_clear_yes, key_fault, not_taken, reset_after
from delivery.esp.parts import given, parts_of
from delivery.esp.provider import OUR_ID, Limits, Outcome, Request, Response
from domain.message import Letter

HOST = "api.sendgrid.com"  # api.eu.sendgrid.com for accounts in the EU
QUEUED = 202  # 200 is the sandbox's: valid, and not sent
_OFF = {"enable": False}
_TRACKING = {"click_tracking": {**_OFF, "enable_text": False}, "open_tracking": _OFF, "subscription_tracking": _OFF, "ganalytics": _OFF}


@dataclass(frozen=True, slots=True)
class SendGrid:
    """An API key."""

    name: str
    endpoint: Endpoint
    key: str = field(repr=False)

    limits: ClassVar[Limits] = Limits(messages=1, bytes=30_000_000)  # 1,000 personalizations, but of one body
    remembers: ClassVar[timedelta | None] = None

    @staticmethod
    def at(address: EspAddress) -> "SendGrid":
        """`sendgrid://:KEY@`."""
        endpoint, key = endpoint_of(address, HOST), secret_of(address, "an API key")
        return SendGrid(account_of(address, endpoint, HOST, key), endpoint, key)

    def build(self, batch: Sequence[Letter]) -> Request:
        """POST /v3/mail/send. Our id is a custom argument, which events bring back at their top level."""
        (letter,) = batch
        parts = parts_of(letter)
        kinds = (("text/plain", parts.text), ("text/html", parts.html))
        message: dict[str, object] = {
            "personalizations": [{"to": [{"email": parts.to}], "custom_args": {OUR_ID: letter.message_id}}],
            "from": given(email=parts.from_address, name=parts.from_name),
            "subject": parts.subject,
            "content": [{"type": kind, "value": value} for kind, value in kinds if value],
            "headers": parts.without(),
            "tracking_settings": _TRACKING,
        }
        if parts.reply_to:
            message["reply_to"] = {"email": parts.reply_to}
        return Request("POST", "/v3/mail/send", self._headers(), orjson.dumps(message))

    def classify(self, batch: Sequence[Letter], outcome: Outcome) -> tuple[Answer, ...]:
        """202 with the id in a header; anything else is no yes."""
        if isinstance(outcome, Response) and is_clear_yes(outcome, QUEUED):
            return all_accepted(batch, [own_id(outcome.headers.get("x-message-id"))])
        if isinstance(outcome, Response):
            return not_taken(batch, outcome, _said(outcome), after=reset_after(outcome, "x-ratelimit-reset"))
        return not_taken(batch, outcome)

    def probe(self) -> Request:
        """What the key may do."""
        return Request("GET", "/v3/scopes", self._headers())

    def fault(self, response: Response) -> str | None:
        """A key that is refused, or that may not send."""
        if fault := key_fault(response, _said(response)):
            return fault
        return None if "mail.send" in items(document(response), "scopes") else "the key may not send: it lacks Mail Send"

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", "Accept": "application/json"}


def _said(response: Response) -> str:
    return words(at(document(response), "errors", 0), "message")
