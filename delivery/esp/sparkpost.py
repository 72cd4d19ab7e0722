"""SparkPost Transmissions, one letter's very bytes per call: developers.sparkpost.com/api/transmissions (`docs/esp/sparkpost.md`).

Bodies go as they are (`perform_substitutions` off), but headers are always searched for `{{ }}`. A letter with `{{` in a header
has it put in from a value, which is not searched again.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

import orjson

from delivery.answers import Accepted, Answer, Rejected
from delivery.esp.address import EspAddress
from delivery.esp.bodies import at, document, own_id, words
from delivery.esp.endpoint import Endpoint, account_of, endpoint_of, secret_of
from delivery.esp.http_answers import THROTTLED, all_unknown, is_clear_yes, key_fault, not_taken
from delivery.esp.parts import decoded, headers_of
from delivery.esp.provider import OUR_ID, Limits, Outcome, Request, Response
from delivery.mime import header_text
from domain.ids import idempotency_key_of
from domain.message import Letter

HOST = "api.sparkpost.com"  # api.eu.sparkpost.com for accounts in the EU
OK = 200
_LIMIT_EXCEEDED = 420
_FORBIDDEN = 403
_BRACKETED = re.compile(r"(.*?)(\s*<[^<>]*>)?", re.DOTALL)
_BRACES = {"letterpress_braces": "{{"}
_OPTIONS = {
    "open_tracking": False,
    "initial_open": False,
    "click_tracking": False,
    "transactional": False,
    "perform_substitutions": False,
}


@dataclass(frozen=True, slots=True)
class SparkPost:
    """An API key."""

    name: str
    endpoint: Endpoint
    key: str = field(repr=False)

    limits: ClassVar[Limits] = Limits(messages=1, bytes=20_000_000)  # thousands of recipients, but of one body
    remembers: ClassVar[timedelta | None] = timedelta(hours=24)

    @staticmethod
    def at(address: EspAddress) -> "SparkPost":
        """`sparkpost://:KEY@`."""
        endpoint, key = endpoint_of(address, HOST), secret_of(address, "an API key")
        return SparkPost(account_of(address, endpoint, HOST, key), endpoint, key)

    def build(self, batch: Sequence[Letter]) -> Request:
        """POST /api/v1/transmissions. Our id is the recipient's metadata, which events bring back as rcpt_meta."""
        (letter,) = batch
        mime = _without_expressions(letter.mime)
        recipient: dict[str, object] = {"address": {"email": letter.address}, "metadata": {OUR_ID: letter.message_id}}
        if mime is not letter.mime:
            recipient["substitution_data"] = _BRACES
        content = {"email_rfc822": mime.decode("utf-8", "replace")}
        body = orjson.dumps({"options": _OPTIONS, "recipients": [recipient], "content": content})
        key = idempotency_key_of((letter.message_id, letter.payload_hash) for letter in batch)
        return Request("POST", "/api/v1/transmissions", {**self._headers(), "Idempotency-Key": key}, body)

    def classify(self, batch: Sequence[Letter], outcome: Outcome) -> tuple[Answer, ...]:
        """200 with how many recipients were accepted and rejected: of one."""
        if not isinstance(outcome, Response):
            return not_taken(batch, outcome)
        told = document(outcome)
        if not is_clear_yes(outcome, OK):
            return not_taken(batch, outcome, _said(told), throttled=THROTTLED | {_LIMIT_EXCEEDED})
        taken, refused = (words(told, "results", f"total_{what}_recipients") for what in ("accepted", "rejected"))
        if (taken, refused) == ("1", "0"):
            return tuple(Accepted(letter.message_id, own_id(told, "results", "id")) for letter in batch)
        if (taken, refused) == ("0", "1"):
            return tuple(Rejected(letter.message_id, "the recipient was rejected, without a reason") for letter in batch)
        return all_unknown(batch, "the answer does not say what became of it")

    def probe(self) -> Request:
        """The account."""
        return Request("GET", "/api/v1/account", self._headers())

    def fault(self, response: Response) -> str | None:
        """A key that is refused. One that is known but may only send is told 403."""
        return None if response.status == _FORBIDDEN else key_fault(response, _said(document(response)))

    def _headers(self) -> dict[str, str]:
        return {"Authorization": self.key, "Content-Type": "application/json", "Accept": "application/json"}


def _without_expressions(mime: bytes) -> bytes:
    """The letter with `{{` in its headers written as a substitution; the same object if there is none."""
    head, gap, body = mime.partition(b"\r\n\r\n")
    headers = headers_of(head)
    if not any("{{" in decoded(value) for _, value in headers):
        return mime
    safe = (f"{name}: {_written(value)}" for name, value in headers)
    return "\r\n".join(safe).encode("utf-8", "replace") + gap + body


def _written(value: str) -> str:
    """A header's value without expressions; an address or a list's id in angle brackets stays as it is."""
    name, bracket = _BRACKETED.fullmatch(value).groups("")  # type: ignore[union-attr] # it matches any text
    text = decoded(name)
    return header_text(text.replace("{{", "{{letterpress_braces}}")) + bracket if "{{" in text else value


def _said(told: object) -> str:
    error = at(told, "errors", 0)
    return " ".join(filter(None, (words(error, "code"), words(error, "message"), words(error, "description"))))
