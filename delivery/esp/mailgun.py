"""Mailgun, by body: documentation.mailgun.com, "Send an email", "Send an email with MIME", "Batch Sending" (`docs/esp/mailgun.md`).

Letters of one body are recipients of one call, with recipient variables; a letter by itself is sent as its very bytes.
"""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar
from urllib.parse import quote

import orjson
from urllib3.fields import RequestField
from urllib3.filepost import encode_multipart_formdata

from delivery.answers import Answer
from delivery.esp.address import EspAddress
from delivery.esp.bodies import document, own_id, words
from delivery.esp.endpoint import Endpoint, account_of, endpoint_of, secret_of
from delivery.esp.http_answers import all_accepted, is_clear_yes, key_fault, not_taken
from delivery.esp.parts import given, mailbox
from delivery.esp.provider import OUR_ID, Limits, Outcome, Request, Response
from delivery.esp.shared_body import MAILGUN, Language, Template, form_of
from domain.ids import idempotency_key_of
from domain.message import Form, Letter

HOST = "api.mailgun.net"  # api.eu.mailgun.net for domains in the EU
OK = 200
_NO_RECIPIENT = 400
_MIME, _PARTS = "messages.mime", "messages"
# Variables of other addresses are not found: github.com/mailgun/mailgun.js issue 413, of a plus in the local part "or some other".
_FOUND = re.compile(r"[a-z0-9._-]+@[a-z0-9.-]+")
_OFF = {"o:tracking": "no", "o:tracking-clicks": "no", "o:tracking-opens": "no"}


@dataclass(frozen=True, slots=True)
class Mailgun:
    """A sending domain and a key that may send from it."""

    name: str
    endpoint: Endpoint
    domain: str
    key: str = field(repr=False)

    limits: ClassVar[Limits] = Limits(messages=1, bytes=25_000_000)
    together: ClassVar[Limits] = Limits(messages=1_000, bytes=25_000_000)
    values_at_most: ClassVar[int] = 100_000  # ours: of one recipient's the documentation says nothing
    language: ClassVar[Language] = MAILGUN
    remembers: ClassVar[timedelta | None] = None

    @staticmethod
    def at(address: EspAddress) -> "Mailgun":
        """`mailgun://DOMAIN:KEY@`."""
        endpoint, key = endpoint_of(address, HOST), secret_of(address, "a sending key")
        if not address.username:
            raise address.mistake("mailgun needs the sending domain before the key", "such as mailgun://news.shop.example:KEY@")
        return Mailgun(account_of(address, endpoint, HOST, key), endpoint, address.username.lower(), key)

    def admits(self, letter: Letter) -> bool:
        """An address by which its variables are found again."""
        return bool(_FOUND.fullmatch(letter.address))

    def build(self, batch: Sequence[Letter]) -> Request:
        """POST /v3/DOMAIN/messages.mime or /messages as multipart/form-data. Our id is a user variable, which events bring back."""
        if len(batch) > 1:
            form, template = form_of(batch, MAILGUN)
            boundary = idempotency_key_of((letter.message_id, letter.payload_hash) for letter in batch)
            return self._posted(_PARTS, [_field(name, value) for name, value in _shared(batch, form, template).items()], boundary)
        (letter,) = batch
        file = RequestField("message", letter.mime, filename="letter.mime")
        file.make_multipart(content_type="message/rfc822")
        texts = {"to": letter.address, **_OFF, f"v:{OUR_ID}": letter.message_id}
        return self._posted(_MIME, [*(_field(name, value) for name, value in texts.items()), file], letter.message_id)

    def classify(self, batch: Sequence[Letter], outcome: Outcome) -> tuple[Answer, ...]:
        """200 for all of the call, with its id."""
        if not isinstance(outcome, Response):
            return not_taken(batch, outcome)
        told = document(outcome)
        if is_clear_yes(outcome, OK):
            return all_accepted(batch, [own_id(told, "id")] * len(batch))
        return not_taken(batch, outcome, words(told, "message"))

    def probe(self) -> Request:
        """A message without anything: a key that may send, and only that, gets as far as being told so."""
        return self._posted(_MIME, [_field("o:testmode", "yes")], "probe")

    def fault(self, response: Response) -> str | None:
        """Anything but the complaint that there is no recipient."""
        return None if response.status == _NO_RECIPIENT else key_fault(response, words(document(response), "message"))

    def _posted(self, what: str, fields: Sequence[RequestField], boundary: str) -> Request:
        body, kind = encode_multipart_formdata(fields, boundary=f"form-{boundary}")
        authorization = f"Basic {b64encode(f'api:{self.key}'.encode()).decode()}"
        headers = {"Authorization": authorization, "Accept": "application/json", "Content-Type": kind}
        return Request("POST", f"/v3/{quote(self.domain, safe='')}/{what}", headers, body)


def _field(name: str, value: str) -> RequestField:
    field = RequestField(name, value)
    field.make_multipart()
    return field


def _shared(batch: Sequence[Letter], form: Form, template: Template) -> Mapping[str, str]:
    """One body and each recipient's variables, which also bring our id and the Message-ID to each (TryGhost/Ghost pull request 30776)."""
    (our_id,) = (name for name, number in zip(template.names, template.numbers, strict=True) if number == 0)
    headers = {f"h:{name}": value for name, value in template.headers}
    return {
        "from": mailbox(template.from_name, form.from_address),
        "to": ", ".join(letter.address for letter in batch),
        "subject": template.subject,
        **given(text=template.text, html=template.html),
        **headers,
        **given(**{"h:Reply-To": form.reply_to}),
        **_OFF,
        f"v:{OUR_ID}": f"%recipient.{our_id}%",
        "recipient-variables": orjson.dumps({letter.address: template.values(letter) for letter in batch}).decode(),
    }
