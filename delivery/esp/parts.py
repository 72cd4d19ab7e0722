"""A letter taken apart again, for ESPs that want subject, HTML and text instead of the bytes. Pure, never raises.

The bytes are ours (`delivery/mime.py`), so their exact inverse is short: one multipart/alternative of quoted-printable UTF-8,
names and subjects in encoded words that end with whole characters.
"""

import binascii
import re
from base64 import b64decode
from dataclasses import dataclass

from domain.message import Form, Letter

_FOLD = re.compile(r"\r\n[ \t]+")
_BETWEEN_WORDS = re.compile(r"(?<=\?=)\s+(?==\?)")
_WORD = re.compile(r"=\?utf-8\?b\?([A-Za-z0-9+/=]*)\?=", re.IGNORECASE)
_MAILBOX = re.compile(r"(.*?)\s*<([^<>]*)>\s*", re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_BOUNDARY = re.compile(r'boundary="([^"]+)"', re.IGNORECASE)
# What every API takes by another name, or writes by itself.
_OF_THE_LETTER = frozenset({"from", "to", "reply-to", "subject", "date", "mime-version", "content-type", "content-transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Parts:
    """A letter's parts, decoded. `headers` are all the others, in their order, unfolded and as they were encoded."""

    from_name: str
    from_address: str
    to: str
    reply_to: str | None
    subject: str
    text: str
    html: str
    headers: tuple[tuple[str, str], ...]

    @property
    def sender(self) -> str:
        """Name and address of the sender as one mailbox, in Unicode."""
        return mailbox(self.from_name, self.from_address)

    def without(self, *names: str) -> dict[str, str]:
        """The headers but for these (in lower case), which an ESP sets itself or refuses."""
        return {name: value for name, value in self.headers if name.lower() not in names}


def parts_of(letter: Letter) -> Parts:
    """A letter's parts, the quickest way: from its form, if it has one, which says the same as its bytes."""
    return parts_of_form(letter.form, letter) if letter.form else parts_of_mime(letter)


def parts_of_form(form: Form, letter: Letter) -> Parts:
    """The form with the letter's fillings in its blanks."""
    return Parts(
        from_name=form.from_name,
        from_address=form.from_address,
        to=letter.address,
        reply_to=form.reply_to,
        subject=form.subject.filled(letter.fillings),
        text=form.text.filled(letter.fillings),
        html=form.html.filled(letter.fillings),
        headers=tuple((name, value.filled(letter.fillings)) for name, value in form.headers),
    )


def parts_of_mime(letter: Letter) -> Parts:
    """Take a letter's bytes apart. `to` is the address that the letter is for, whatever its header says."""
    head, _, body = letter.mime.partition(b"\r\n\r\n")
    headers = headers_of(head)
    fields = {name.lower(): value for name, value in headers}
    name, address = _taken_apart(fields.get("from", ""))
    text, html = _bodies(fields, body)
    return Parts(
        from_name=name,
        from_address=address or letter.sender,
        to=letter.address,
        reply_to=_taken_apart(fields.get("reply-to", ""))[1] or None,
        subject=decoded(fields.get("subject", "")),
        text=text,
        html=html,
        headers=tuple((name, value) for name, value in headers if name.lower() not in _OF_THE_LETTER),
    )


def headers_of(head: bytes) -> list[tuple[str, str]]:
    """Names and values of header lines, unfolded, still encoded."""
    lines = _FOLD.sub(" ", head.decode("latin-1")).split("\r\n")
    split = (line.partition(":") for line in lines)
    return [(name.strip(), value.strip()) for name, colon, value in split if colon]


def decoded(value: str) -> str:
    """A header's text with its encoded words (RFC 2047) read."""
    return _WORD.sub(lambda found: _word(found[1]), _BETWEEN_WORDS.sub("", value))


def mailbox(name: str, address: str) -> str:
    """`"Name" <address>`, quoted so that no name can be read as another mailbox."""
    if not name:
        return address
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{address}>'


def given(**fields: str | None) -> dict[str, str]:
    """Those of the fields that are not empty: what an API does not want to be told as nothing."""
    return {name: value for name, value in fields.items() if value}


def _taken_apart(value: str) -> tuple[str, str]:
    """Display name and address of a mailbox."""
    found = _MAILBOX.fullmatch(value)
    if not found:
        return "", value
    quoted = _QUOTED.fullmatch(found[1])
    return (re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else decoded(found[1])), found[2]


def _bodies(fields: dict[str, str], body: bytes) -> tuple[str, str]:
    """Text and HTML; a letter that is not multipart is all text."""
    boundary = _BOUNDARY.search(fields.get("content-type", ""))
    if not boundary:
        return _content(fields, body), ""
    found: dict[str, str] = {}
    for section in (b"\r\n" + body).split(f"\r\n--{boundary[1]}".encode("latin-1"))[1:-1]:
        head, _, content = section.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        of_part = {name.lower(): value for name, value in headers_of(head)}
        kind = "html" if of_part.get("content-type", "").lower().startswith("text/html") else "text"
        found.setdefault(kind, _content(of_part, content))
    return found.get("text", ""), found.get("html", "")


def _content(fields: dict[str, str], content: bytes) -> str:
    if fields.get("content-transfer-encoding", "").lower() == "quoted-printable":
        content = binascii.a2b_qp(content)
    return content.decode("utf-8", "replace").replace("\r\n", "\n")


def _word(base64: str) -> str:
    try:
        return b64decode(base64).decode("utf-8", "replace")
    except ValueError:
        return ""
