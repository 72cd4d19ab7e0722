"""Brevo, up to 1,000 letters per call as versions of one message: developers.brevo.com/reference/sendtransacemail (`docs/esp/brevo.md`).

Brevo sets its own Message-ID. It reads `{{ }}` and `{% %}` in what it is given: a letter that holds such characters has them put in
from a value.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar
from uuid import UUID

import orjson

from delivery.answers import Answer
from delivery.esp.address import EspAddress
from delivery.esp.bodies import document, items, own_id, words
from delivery.esp.endpoint import Endpoint, account_of, endpoint_of, secret_of
from delivery.esp.http_answers import all_accepted, is_clear_yes, key_fault, not_taken, seconds_in
from delivery.esp.parts import Parts, given, parts_of
from delivery.esp.provider import OUR_ID, Limits, Outcome, Request, Response
from domain.ids import idempotency_key_of
from domain.message import Letter

HOST = "api.brevo.com"
TAKEN = 201
_BAD_REQUEST = 400
_SEEN_BEFORE = "duplicate_parameter"
_OPENINGS = {"{{": "letterpress_a", "{%": "letterpress_b", "{#": "letterpress_c"}
_OPENING = re.compile("|".join(map(re.escape, _OPENINGS)))


@dataclass(frozen=True, slots=True)
class Brevo:
    """An API key."""

    name: str
    endpoint: Endpoint
    key: str = field(repr=False)

    # Of bytes the documentation says nothing. Calls: developers.brevo.com/docs/batch-send-transactional-emails, 100 a minute
    limits: ClassVar[Limits] = Limits(messages=1_000, bytes=10_000_000, calls_per_second=100 / 60)
    remembers: ClassVar[timedelta | None] = timedelta(minutes=30)

    @staticmethod
    def at(address: EspAddress) -> "Brevo":
        """`brevo://:KEY@`."""
        endpoint, key = endpoint_of(address, HOST), secret_of(address, "an API key")
        return Brevo(account_of(address, endpoint, HOST, key), endpoint, key)

    def build(self, batch: Sequence[Letter]) -> Request:
        """POST /v3/smtp/email. Our id is X-Mailin-custom, which events bring back. The texts outside the versions go to nobody."""
        letters = [(letter, parts_of(letter)) for letter in batch]
        first = letters[0][1]
        key = idempotency_key_of((letter.message_id, letter.payload_hash) for letter in batch)
        message: dict[str, object] = {
            "sender": given(email=first.from_address, name=first.from_name),
            "subject": "-",
            **given(htmlContent="<p></p>" if any(parts.html for _, parts in letters) else ""),
            **given(textContent="-" if any(parts.text for _, parts in letters) else ""),
            "headers": {"idempotencyKey": str(UUID(key, version=4))},
            "messageVersions": [_version(letter, parts) for letter, parts in letters],
        }
        return Request("POST", "/v3/smtp/email", self._headers(), orjson.dumps(message))

    def classify(self, batch: Sequence[Letter], outcome: Outcome) -> tuple[Answer, ...]:
        """201 with an id per version. A key that was seen before means that this very call was taken before."""
        if not isinstance(outcome, Response):
            return not_taken(batch, outcome)
        told = document(outcome)
        if is_clear_yes(outcome, TAKEN):
            ids = items(told, "messageIds") or [words(told, "messageId")]
            return all_accepted(batch, [own_id(esp_id) for esp_id in ids])
        if outcome.status == _BAD_REQUEST and words(told, "code") == _SEEN_BEFORE:
            return all_accepted(batch, [])
        return not_taken(batch, outcome, _said(told), after=seconds_in(outcome, "x-sib-ratelimit-reset"))

    def probe(self) -> Request:
        """The account."""
        return Request("GET", "/v3/account", self._headers())

    def fault(self, response: Response) -> str | None:
        """A key that is refused."""
        return key_fault(response, _said(document(response)))

    def _headers(self) -> dict[str, str]:
        return {"api-key": self.key, "Content-Type": "application/json", "Accept": "application/json"}


def _version(letter: Letter, parts: Parts) -> dict[str, object]:
    texts = given(subject=parts.subject, htmlContent=parts.html, textContent=parts.text)
    literal = {name: _OPENING.sub(_from_value, text) for name, text in texts.items()}
    version: dict[str, object] = {
        "to": [{"email": parts.to}],
        **literal,
        "headers": {**parts.without("message-id"), "X-Mailin-custom": orjson.dumps({OUR_ID: letter.message_id}).decode()},
    }
    if literal != texts:
        version["params"] = {name: opening for opening, name in _OPENINGS.items()}
    if parts.reply_to:
        version["replyTo"] = {"email": parts.reply_to}
    return version


def _from_value(opening: re.Match[str]) -> str:
    return "{{ params." + _OPENINGS[opening[0]] + " }}"


def _said(told: object) -> str:
    return f"{words(told, 'code')} {words(told, 'message')}".strip()
