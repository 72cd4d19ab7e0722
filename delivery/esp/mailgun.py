"""Mailgun, one letter's very bytes per call: documentation.mailgun.com, "Send an email with MIME" (`docs/esp/mailgun.md`)."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar
from urllib.parse import quote

from urllib3.fields import RequestField
from urllib3.filepost import encode_multipart_formdata

from delivery.answers import Answer
from delivery.esp.address import EspAddress
from delivery.esp.bodies import document, own_id, words
from delivery.esp.endpoint import Endpoint, account_of, endpoint_of, secret_of
from delivery.esp.http_answers import all_accepted, is_clear_yes, key_fault, not_taken
from delivery.esp.provider import OUR_ID, Limits, Outcome, Request, Response
from domain.message import Letter

HOST = "api.mailgun.net"  # api.eu.mailgun.net for domains in the EU
OK = 200
_NO_RECIPIENT = 400
_OFF = {"o:tracking": "no", "o:tracking-clicks": "no", "o:tracking-opens": "no"}


@dataclass(frozen=True, slots=True)
class Mailgun:
    """A sending domain and a key that may send from it."""

    name: str
    endpoint: Endpoint
    domain: str
    key: str = field(repr=False)

    limits: ClassVar[Limits] = Limits(messages=1, bytes=25_000_000)  # 1,000 recipients, but of one body
    remembers: ClassVar[timedelta | None] = None

    @staticmethod
    def at(address: EspAddress) -> "Mailgun":
        """`mailgun://DOMAIN:KEY@`."""
        endpoint, key = endpoint_of(address, HOST), secret_of(address, "a sending key")
        if not address.username:
            raise address.mistake("mailgun needs the sending domain before the key", "such as mailgun://news.shop.example:KEY@")
        return Mailgun(account_of(address, endpoint, HOST, key), endpoint, address.username.lower(), key)

    def build(self, batch: Sequence[Letter]) -> Request:
        """POST /v3/DOMAIN/messages.mime as multipart/form-data. Our id is a user variable, which events bring back."""
        (letter,) = batch
        file = RequestField("message", letter.mime, filename="letter.mime")
        file.make_multipart(content_type="message/rfc822")
        variables = {f"v:{OUR_ID}": letter.message_id}
        texts = [RequestField(name, value) for name, value in {"to": letter.address, **_OFF, **variables}.items()]
        for text in texts:
            text.make_multipart()
        body, kind = encode_multipart_formdata([*texts, file], boundary=f"form-{letter.message_id}")
        return Request("POST", self._target, {**self._headers(), "Content-Type": kind}, body)

    def classify(self, batch: Sequence[Letter], outcome: Outcome) -> tuple[Answer, ...]:
        """200 with the message's id."""
        if not isinstance(outcome, Response):
            return not_taken(batch, outcome)
        told = document(outcome)
        if is_clear_yes(outcome, OK):
            return all_accepted(batch, [own_id(told, "id")])
        return not_taken(batch, outcome, words(told, "message"))

    def probe(self) -> Request:
        """A message without anything: a key that may send, and only that, gets as far as being told so."""
        body, kind = encode_multipart_formdata({"o:testmode": "yes"}, boundary="form-probe")
        return Request("POST", self._target, {**self._headers(), "Content-Type": kind}, body)

    def fault(self, response: Response) -> str | None:
        """Anything but the complaint that there is no recipient."""
        return None if response.status == _NO_RECIPIENT else key_fault(response, words(document(response), "message"))

    @property
    def _target(self) -> str:
        return f"/v3/{quote(self.domain, safe='')}/messages.mime"

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Basic {b64encode(f'api:{self.key}'.encode()).decode()}", "Accept": "application/json"}
