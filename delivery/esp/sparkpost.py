"""SparkPost Transmissions, by body: developers.sparkpost.com/api/transmissions (`docs/esp/sparkpost.md`).

Letters of one body are recipients of one call, with substitution data. A letter by itself is sent as its very bytes: bodies go as
they are (`perform_substitutions` off), but headers are always searched for `{{ }}`. A letter with `{{` in a header
has it put in from a value, which is not searched again.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

import orjson

from delivery.answers import Answer, Rejected
from delivery.esp.address import EspAddress
from delivery.esp.bodies import at, document, listed, own_id, words
from delivery.esp.endpoint import Endpoint, account_of, endpoint_of, secret_of
from delivery.esp.http_answers import THROTTLED, all_accepted, all_unknown, is_clear_yes, key_fault, not_taken
from delivery.esp.parts import decoded, given, headers_of
from delivery.esp.provider import OUR_ID, Limits, Outcome, Request, Response
from delivery.esp.shared_body import SPARKPOST, Language, Template, form_of
from delivery.mime import header_text
from domain.ids import idempotency_key_of
from domain.message import Form, Letter

HOST = "api.sparkpost.com"  # api.eu.sparkpost.com for accounts in the EU
OK = 200
_LIMIT_EXCEEDED = 420
_FORBIDDEN = 403
_BRACKETED = re.compile(r"(.*?)(\s*<[^<>]*>)?", re.DOTALL)
_BRACES = {"letterpress_braces": "{{"}
_OPTIONS = {"open_tracking": False, "initial_open": False, "click_tracking": False, "transactional": False}
_AS_IT_IS = {**_OPTIONS, "perform_substitutions": False}


@dataclass(frozen=True, slots=True)
class SparkPost:
    """An API key."""

    name: str
    endpoint: Endpoint
    key: str = field(repr=False)

    limits: ClassVar[Limits] = Limits(messages=1, bytes=20_000_000)
    together: ClassVar[Limits] = Limits(messages=2_000, bytes=20_000_000)  # as support.sparkpost.com, "REST API performance", advises
    values_at_most: ClassVar[int] = 90_000  # of 100 KB of substitution data as JSON
    language: ClassVar[Language] = SPARKPOST
    remembers: ClassVar[timedelta | None] = timedelta(hours=24)

    @staticmethod
    def at(address: EspAddress) -> "SparkPost":
        """`sparkpost://:KEY@`."""
        endpoint, key = endpoint_of(address, HOST), secret_of(address, "an API key")
        return SparkPost(account_of(address, endpoint, HOST, key), endpoint, key)

    def admits(self, letter: Letter) -> bool:
        """Nothing else keeps a letter out."""
        return letter.form is not None

    def build(self, batch: Sequence[Letter]) -> Request:
        """POST /api/v1/transmissions. Our id is each recipient's metadata, which events bring back as rcpt_meta."""
        body = orjson.dumps(_whole(batch[0]) if len(batch) == 1 else _shared(batch, *form_of(batch, SPARKPOST)))
        key = idempotency_key_of((letter.message_id, letter.payload_hash) for letter in batch)
        return Request("POST", "/api/v1/transmissions", {**self._headers(), "Idempotency-Key": key}, body)

    def classify(self, batch: Sequence[Letter], outcome: Outcome) -> tuple[Answer, ...]:
        """200 with how many recipients were accepted and rejected: an answer if it is all or none, because it does not say which."""
        if not isinstance(outcome, Response):
            return not_taken(batch, outcome)
        told = document(outcome)
        if not is_clear_yes(outcome, OK):
            return not_taken(batch, outcome, _said(told), throttled=THROTTLED | {_LIMIT_EXCEEDED})
        taken, refused = (words(told, "results", f"total_{what}_recipients") for what in ("accepted", "rejected"))
        if (taken, refused) == (str(len(batch)), "0"):
            return all_accepted(batch, [own_id(told, "results", "id")] * len(batch))
        if (taken, refused) == ("0", str(len(batch))):
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


def _whole(letter: Letter) -> dict[str, object]:
    """One letter as it is."""
    mime = letter.mime
    safe = _without_expressions(mime)
    data = {} if safe is mime else {"substitution_data": _BRACES}
    return {
        "options": _AS_IT_IS,
        "recipients": [{"address": {"email": letter.address}, "metadata": {OUR_ID: letter.message_id}, **data}],
        "content": {"email_rfc822": safe.decode("utf-8", "replace")},
    }


def _shared(batch: Sequence[Letter], form: Form, template: Template) -> dict[str, object]:
    """One body and each recipient's values."""
    recipients = listed(
        {
            "address": {"email": letter.address},
            "metadata": {OUR_ID: letter.message_id},
            "substitution_data": template.values(letter),
        }
        for letter in batch
    )
    content = {
        "from": given(email=form.from_address, name=template.from_name),
        "subject": template.subject,
        "headers": dict(template.headers),
        **given(text=template.text, html=template.html, reply_to=form.reply_to),
    }
    return {"options": _OPTIONS, "recipients": recipients, "content": content}


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
