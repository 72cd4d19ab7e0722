"""SendGrid v3 Mail Send, by body: twilio.com/docs/sendgrid/api-reference/mail-send (`docs/esp/sendgrid.md`).

Letters of one body are personalizations of one call, with substitutions; a letter by itself is sent as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

import orjson

from delivery.answers import Answer
from delivery.esp.address import EspAddress
from delivery.esp.bodies import at, document, items, listed, own_id, words
from delivery.esp.endpoint import Endpoint, account_of, endpoint_of, secret_of
from delivery.esp.http_answers import all_accepted, is_clear_yes, key_fault, not_taken, reset_after
from delivery.esp.parts import Parts, given, parts_of
from delivery.esp.provider import OUR_ID, Limits, Outcome, Request, Response
from delivery.esp.shared_body import SENDGRID, Language, Template, form_of
from domain.message import Form, Letter

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

    limits: ClassVar[Limits] = Limits(messages=1, bytes=30_000_000)
    together: ClassVar[Limits] = Limits(messages=1_000, bytes=30_000_000)  # "Limitations" and "Errors" of the API reference
    values_at_most: ClassVar[int] = 10_000  # of the API; the guide to substitution tags says 50,000
    language: ClassVar[Language] = SENDGRID
    remembers: ClassVar[timedelta | None] = None

    @staticmethod
    def at(address: EspAddress) -> "SendGrid":
        """`sendgrid://:KEY@`."""
        endpoint, key = endpoint_of(address, HOST), secret_of(address, "an API key")
        return SendGrid(account_of(address, endpoint, HOST, key), endpoint, key)

    def admits(self, letter: Letter) -> bool:
        """Nothing else keeps a letter out."""
        return letter.form is not None

    def build(self, batch: Sequence[Letter]) -> Request:
        """POST /v3/mail/send. Our id is a custom argument, which events bring back at their top level."""
        message = _whole(parts_of(batch[0]), batch[0]) if len(batch) == 1 else _shared(batch, *form_of(batch, SENDGRID))
        return Request("POST", "/v3/mail/send", self._headers(), orjson.dumps(message | {"tracking_settings": _TRACKING}))

    def classify(self, batch: Sequence[Letter], outcome: Outcome) -> tuple[Answer, ...]:
        """202 for all of the call, with the id that all of its events' ids begin with, in a header; anything else is no yes."""
        if isinstance(outcome, Response) and is_clear_yes(outcome, QUEUED):
            return all_accepted(batch, [own_id(outcome.headers.get("x-message-id"))] * len(batch))
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


def _whole(parts: Parts, letter: Letter) -> dict[str, object]:
    """One letter as it is."""
    return {
        "personalizations": [{"to": [{"email": parts.to}], "custom_args": {OUR_ID: letter.message_id}}],
        "subject": parts.subject,
        "content": _content(parts.text, parts.html),
        "headers": parts.without(),
        **_sender(parts.from_name, parts.from_address, parts.reply_to),
    }


def _shared(batch: Sequence[Letter], form: Form, template: Template) -> dict[str, object]:
    """One body and each letter's values. Substitutions reach subject and content; headers are each letter's own."""
    own = [(name, value) for name, value in form.headers if value.blanks]
    return {
        "personalizations": listed(
            {
                "to": [{"email": letter.address}],
                "headers": {name: value.filled(letter.fillings) for name, value in own},
                "substitutions": template.values(letter),
                "custom_args": {OUR_ID: letter.message_id},
            }
            for letter in batch
        ),
        "subject": template.subject,
        "content": _content(template.text, template.html),
        "headers": {name: value.texts[0] for name, value in form.headers if not value.blanks},
        **_sender(form.from_name, form.from_address, form.reply_to),
    }


def _content(text: str, html: str) -> list[dict[str, str]]:
    kinds = (("text/plain", text), ("text/html", html))
    return [{"type": kind, "value": value} for kind, value in kinds if value]


def _sender(name: str, address: str, reply_to: str | None) -> dict[str, object]:
    sender: dict[str, object] = {"from": given(email=address, name=name)}
    return sender | ({"reply_to": {"email": reply_to}} if reply_to else {})


def _said(response: Response) -> str:
    return words(at(document(response), "errors", 0), "message")
