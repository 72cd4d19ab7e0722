"""A letter's bytes: RFC 5322 headers and a multipart/alternative body, quoted-printable, deterministic.

Built by hand because `email.message` takes 2–3 ms per letter (FACTS §6) and folds headers differently from one Python to the next: a
letter has to be printable again byte for byte. A body is joined from pieces that were encoded by themselves, so what all
letters share is encoded once. Tests read everything back with the standard library's parser.
"""

import binascii
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from email.utils import format_datetime
from enum import Enum
from typing import TypeVar

from delivery.addresses import address_fault, domain_of
from domain.campaign import Campaign, Sender
from domain.errors import FinalError
from domain.send import Send

_BLANK = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")  # everything that could end a header's line, and runs of spaces
_ENCODED_WORD = 45  # bytes of UTF-8 per encoded word: 72 characters of the 75 that RFC 2047 allows
_LONGEST_PLAIN = 900  # of the 998 characters that RFC 5322 allows a line
Cell = TypeVar("Cell")  # whatever a body is made of


class RenderError(FinalError):
    """One recipient's letter cannot be printed. Says which file and which column, never a value."""


def body_text(text: str) -> str:
    """A piece of a body as it is read: CR and CRLF are newlines, and half a character is a question mark."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    return _whole(plain)


def subject_text(text: str) -> str:
    """A subject as it is read: one line, and half a character is a question mark."""
    return _whole(one_line(text))


def quoted(text: str) -> bytes:
    """A piece of a body in quoted-printable (RFC 2045) with CRLF. Pieces joined decode to the `body_text` of each, joined."""
    data = body_text(text).encode()
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


class Hole(Enum):
    """What differs between the letters of a send, apart from what is set and single links."""

    __hash__ = object.__hash__  # they are the same if they are one object; the Enum's own hash is spelled out in Python

    MESSAGE_ID = "message id"
    ADDRESS = "address"
    LEAVE = "unsubscribe token"
    SUBJECT = "subject"
    SHARED = "what all click tokens begin with"
    BODY = "text or HTML"


class Envelope:
    """What all letters of a send share: headers but for the recipient's own. Unsubscribe links begin with `leave_root`."""

    def __init__(self, campaign: Campaign, send: Send) -> None:
        domain = domain_of(campaign.letter_sender.address)
        self._domain = domain
        self.leave_root = f"{send.public_url.rstrip('/')}/u/"
        self._sender = campaign.letter_sender
        self._from = _sender(campaign.letter_sender)
        self._listed = (
            ("List-Id", f"{_phrase(campaign.title)} <{campaign.list_id or f'{campaign.campaign}.{domain}'}>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ("Feedback-ID", _feedback_id(campaign, send, domain)),
        )
        self._shared = _lines(("Date", format_datetime(send.as_of)), *self._listed, ("MIME-Version", "1.0"))
        self._leave = _opened("List-Unsubscribe", f"<{self.leave_root}")

    def sheet(self, *, text: Iterable[Cell], html: Iterable[Cell]) -> Iterator[bytes | Hole | Cell]:
        """The whole message, with holes: the subject in one is as `header_text` gives it, texts and HTML encoded as by `quoted`."""
        boundary: tuple[bytes, Hole] = (b"--=_lp_", Hole.MESSAGE_ID)  # "=_" cannot occur in quoted-printable text (RFC 2045 §6.7)
        yield from (self._from, b"To: <", Hole.ADDRESS, b">\r\nSubject: ", Hole.SUBJECT)
        yield from (b"\r\nMessage-ID: <", Hole.MESSAGE_ID, f"@{self._domain}>\r\n".encode())
        yield from (self._leave, Hole.LEAVE, b">\r\n", self._shared)
        yield from (b'Content-Type: multipart/alternative; boundary="=_lp_', Hole.MESSAGE_ID, b'"\r\n\r\n', *boundary, b"\r\n")
        for part_head, body, end in ((_PART_HEADS[0], text, b"\r\n"), (_PART_HEADS[1], html, b"--\r\n")):
            yield part_head
            yield from body
            yield from (b"\r\n", *boundary, end)

    @property
    def headers(self) -> Iterator[tuple[str, tuple[str | Hole, ...]]]:
        """The headers that go with a letter whatever carries it, unfolded, in the order in which they stand in it."""
        yield "Message-ID", ("<", Hole.MESSAGE_ID, f"@{self._domain}>")
        yield "List-Unsubscribe", (_ascii(f"<{self.leave_root}"), Hole.LEAVE, ">")
        for name, value in self._listed:
            yield name, (_ascii(value.replace("\r\n ", " ")),)

    @property
    def sender(self) -> tuple[str, str, str | None]:
        """Name, address and reply address of the sender, in Unicode."""
        return _whole(one_line(self._sender.name)), self._sender.address, self._sender.reply_to or None


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


def header_bytes(name: str, value: str) -> bytes:
    """A header's value. The last gate against injection: only our own folding (CRLF and a space) may break a line."""
    rest = value.replace("\r\n ", "")
    if "\r" in rest or "\n" in rest or "\x00" in rest:
        raise RenderError(f"the header {name} would break out of its line")
    return value.encode("ascii", "replace")


def _lines(*headers: tuple[str, str]) -> bytes:
    return b"".join(_opened(name, value) + b"\r\n" for name, value in headers)


def _opened(name: str, value: str) -> bytes:
    """A header's line as far as this part of its value."""
    return f"{name}: ".encode() + header_bytes(name, value)


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()


def _whole(text: str) -> str:
    """The text without halves of characters, which no encoding can write."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
