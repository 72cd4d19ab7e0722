"""Resend, up to 100 letters per call: resend.com/docs/api-reference/emails/send-batch-emails (`docs/esp/resend.md`)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

import orjson

from delivery.answers import Accepted, Answer, Rejected
from delivery.esp.address import EspAddress
from delivery.esp.bodies import at, document, items, own_id, words
from delivery.esp.endpoint import Endpoint, account_of, endpoint_of, secret_of
from delivery.esp.http_answers import all_unknown, is_clear_yes, key_fault, not_taken
from delivery.esp.parts import given, parts_of
from delivery.esp.provider import OUR_ID, Limits, Outcome, Request, Response
from delivery.esp.reasons import reason_of
from domain.ids import idempotency_key_of
from domain.message import Letter

HOST = "api.resend.com"
OK = 200
_ONLY_SENDS = "restricted_api_key"


@dataclass(frozen=True, slots=True)
class Resend:
    """An API key."""

    name: str
    endpoint: Endpoint
    key: str = field(repr=False)

    # Of bytes the documentation says 40 MB per letter and nothing of a call. Calls: resend.com/docs/api-reference/rate-limit
    limits: ClassVar[Limits] = Limits(messages=100, bytes=20_000_000, calls_per_second=2.0)
    remembers: ClassVar[timedelta | None] = timedelta(hours=24)

    @staticmethod
    def at(address: EspAddress) -> "Resend":
        """`resend://:KEY@`."""
        endpoint, key = endpoint_of(address, HOST), secret_of(address, "an API key")
        return Resend(account_of(address, endpoint, HOST, key), endpoint, key)

    def build(self, batch: Sequence[Letter]) -> Request:
        """POST /emails/batch, letters judged one by one. Our id is a tag, which events bring back."""
        key = idempotency_key_of((letter.message_id, letter.payload_hash) for letter in batch)
        headers = {**self._headers(), "Idempotency-Key": key, "x-batch-validation": "permissive"}
        return Request("POST", "/emails/batch", headers, orjson.dumps([_email(letter) for letter in batch]))

    def classify(self, batch: Sequence[Letter], outcome: Outcome) -> tuple[Answer, ...]:
        """200 with ids for those that were taken, in order, and errors with the index of those that were not."""
        if not isinstance(outcome, Response):
            return not_taken(batch, outcome)
        told = document(outcome)
        if not is_clear_yes(outcome, OK):
            return not_taken(batch, outcome, " ".join((words(told, "name"), words(told, "message"))))
        refused = _refused(told, len(batch))
        ids = items(told, "data")
        if refused is None or len(ids) + len(refused) != len(batch):
            return all_unknown(batch, "the answer does not list every letter")
        remaining = iter(ids)
        return tuple(
            Rejected(letter.message_id, refused[place]) if place in refused else Accepted(letter.message_id, own_id(next(remaining), "id"))
            for place, letter in enumerate(batch)
        )

    def probe(self) -> Request:
        """The account's domains."""
        return Request("GET", "/domains", self._headers())

    def fault(self, response: Response) -> str | None:
        """A key that is refused. One that may only send is told so, and is what is wanted."""
        told = document(response)
        return None if words(told, "name") == _ONLY_SENDS else key_fault(response, words(told, "message"))

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", "Accept": "application/json"}


def _email(letter: Letter) -> dict[str, object]:
    parts = parts_of(letter)
    return {
        "from": parts.sender,
        "to": [parts.to],
        "subject": parts.subject,
        **given(html=parts.html, text=parts.text, reply_to=parts.reply_to),
        "headers": parts.without("message-id"),  # Resend sets its own
        "tags": [{"name": OUR_ID, "value": letter.message_id}],
    }


def _refused(told: object, count: int) -> dict[int, str] | None:
    """The reasons by place in the batch; None if they make no sense."""
    errors = items(told, "errors")
    found = {index: reason_of("refused:", words(error, "message")) for error in errors if isinstance(index := at(error, "index"), int)}
    sensible = len(found) == len(errors) and all(0 <= place < count for place in found)
    return found if sensible else None
