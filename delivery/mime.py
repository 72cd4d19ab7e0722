"""A letter's bytes: RFC 5322 headers and a multipart/alternative body, quoted-printable, deterministic.

Built by hand because `email.message` takes 2–3 ms per letter (FACTS §6) and folds headers differently from one Python to the next: a
letter has to be printable again byte for byte. A body is joined from pieces that were encoded by themselves, so what all
letters share is encoded once. Tests read everything back with the standard library's parser.
"""

import binascii
import re
from base64 import b64encode
from collections.abc import Iterable
from email.utils import format_datetime

from delivery.addresses import address_fault, domain_of
from domain.campaign import Campaign, Sender
from domain.errors import FinalError
from domain.ids import MessageId
from domain.send import Send

_BLANK = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")  # everything that could end a header's line, and runs of spaces
_ENCODED_WORD = 45  # bytes of UTF-8 per encoded word: 72 characters of the 75 that RFC 2047 allows
_LONGEST_PLAIN = 900  # of the 998 characters that RFC 5322 allows a line


class RenderError(FinalError):
    """One recipient's letter cannot be printed. Says which file and which column, never a value."""


def quoted(text: str) -> bytes:
    """A piece of a body in quoted-printable (RFC 2045) with CRLF. Pieces joined decode to the texts joined; CR and CRLF are newlines."""
    data = text.encode("utf-8", "replace")
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    encoded = binascii.b2a_qp(data, istext=True).replace(b"\n", b"\r\n")
    return encoded if not data or data.endswith(b"\n") else encoded + b"=\r\n"


def one_line(text: str) -> str:
    """The text as one header can carry it: control characters and runs of blanks become one space."""
    return _BLANK.sub(" ", text).strip(" ")


def header_text(text: str) -> str:
    """Unstructured header text: as it is when it is plain ASCII, else as encoded words (RFC 2047), folded between them."""
    line = one_line(text)
    if line.isascii() and "=?" not in line and len(line) <= _LONGEST_PLAIN:
        return line
    return "\r\n ".join(f"=?utf-8?b?{b64encode(word).decode()}?=" for word in _words(line))


def _words(line: str) -> Iterable[bytes]:
    """UTF-8 of the line in parts that fit an encoded word; no character is split."""
    word = b""
    for character in line:
        encoded = character.encode("utf-8", "replace")
        if len(word) + len(encoded) > _ENCODED_WORD:
            yield word
            word = b""
        word += encoded
    yield word


def _phrase(name: str) -> str:
    """A display name: quoted when plain ASCII, else encoded words."""
    line = one_line(name)
    if line.isascii() and "=?" not in line and len(line) <= _LONGEST_PLAIN:
        return '"' + line.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return header_text(line)


def checked_address(address: str) -> str:
    """The address, fit for a header. Raises RenderError, without the address in its text."""
    if fault := address_fault(address):
        raise RenderError(f"the recipient's address {fault}" if fault.startswith("has") else f"the recipient's address: {fault}")
    return address


class Envelope:
    """What all letters of a send share: headers but for the recipient's own."""

    def __init__(self, campaign: Campaign, send: Send) -> None:
        domain = domain_of(campaign.sender.address)
        self._message_domain = domain
        self._from = _sender(campaign.sender)
        self._shared = _lines(
            ("Date", format_datetime(send.as_of)),
            ("List-Id", f"{_phrase(campaign.title)} <{campaign.list_id or f'{campaign.campaign}.{domain}'}>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ("Feedback-ID", _feedback_id(campaign, send, domain)),
            ("MIME-Version", "1.0"),
        )

    def letter(
        self, message_id: MessageId, address: str, *, subject: str, unsubscribe_url: str, text: Iterable[bytes], html: Iterable[bytes]
    ) -> bytes:
        """The whole message. `subject` as `header_text` gives it; `text` and `html` in pieces as `quoted` gives them."""
        boundary = f"=_lp_{message_id}"  # "=_" cannot occur in quoted-printable text (RFC 2045 §6.7)
        own = _lines(
            ("To", f"<{checked_address(address)}>"),
            ("Subject", subject),
            ("Message-ID", f"<{message_id}@{self._message_domain}>"),
            ("List-Unsubscribe", f"<{unsubscribe_url}>"),
        )
        content = _lines(("Content-Type", f'multipart/alternative; boundary="{boundary}"'))
        opening = f"\r\n--{boundary}\r\n".encode()
        head = (self._from, own, self._shared, content, opening, _PART_HEADS[0])
        return b"".join((*head, *text, opening, _PART_HEADS[1], *html, f"\r\n--{boundary}--\r\n".encode()))


_PART_HEADS = tuple(
    f'Content-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'.encode()
    for kind in ("plain", "html")
)


def _sender(sender: Sender) -> bytes:
    headers = [("From", f"{_phrase(sender.name)} <{checked_address(sender.address)}>")]
    if sender.reply_to:
        headers.append(("Reply-To", f"<{checked_address(sender.reply_to)}>"))
    return _lines(*headers)


def _feedback_id(campaign: Campaign, send: Send, domain: str) -> str:
    """Gmail's four fields: send, campaign, topic and a constant sender id of 5 to 15 characters. Never per recipient."""
    sender_id = re.sub(r"[^a-z0-9]", "", domain)[:15].ljust(5, "0")
    return ":".join(
        re.sub(r"[^A-Za-z0-9_.-]", "-", field) for field in (send.send_id, campaign.campaign, campaign.topic or "letter", sender_id)
    )


def _lines(*headers: tuple[str, str]) -> bytes:
    """Header lines. The last gate against injection: only our own folding (CRLF and a space) may break a line."""
    for name, value in headers:
        rest = value.replace("\r\n ", "")
        if "\r" in rest or "\n" in rest or "\x00" in rest:
            raise RenderError(f"the header {name} would break out of its line")
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode("ascii", "replace")
