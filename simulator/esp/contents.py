"""What a message says once the provider is done with it: printed only when somebody looks, because nobody may.

A batch of a thousand shares one template of 40 kB and differs in a few values each; keeping the template once and the values
as they came costs less than the sender spends on building them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import Protocol

import xxhash


@dataclass(frozen=True, slots=True)
class Printed:
    """A message as it leaves the provider. `mime` where the provider was given whole MIME; headers as first values.

    `notes`: what a careful sender should not have relied on, such as values that were themselves substituted in.
    """

    subject: str
    html: str | None
    text: str | None
    headers: Mapping[str, str]
    mime: bytes | None = None
    notes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """128-bit XXH3 of the MIME bytes, or of subject, HTML and text."""
        if self.mime is not None:
            return xxhash.xxh3_128_hexdigest(self.mime)
        parts = (self.subject, self.html or "", self.text or "")
        return xxhash.xxh3_128_hexdigest("\x1f".join(parts).encode("utf-8", "surrogatepass"))


class Content(Protocol):
    """Something that can be printed."""

    def printed(self) -> Printed:
        """The message as the recipient gets it."""
        ...

    @property
    def digest(self) -> str:
        """The digest of what is printed."""
        ...

    def header(self, name: str) -> str | None:
        """A header as it was given, found without printing."""
        ...


@dataclass(frozen=True, slots=True)
class Whole:
    """A message given in parts that nothing is substituted into."""

    subject: str
    html: str | None
    text: str | None
    headers: Mapping[str, str] = field(default_factory=dict)

    def printed(self) -> Printed:
        """As it was given."""
        return Printed(self.subject, self.html, self.text, self.headers)

    @property
    def digest(self) -> str:
        """The digest of what is printed."""
        return self.printed().digest

    def header(self, name: str) -> str | None:
        """A header, whatever its case."""
        return next((value for given, value in self.headers.items() if given.casefold() == name.casefold()), None)


@dataclass(frozen=True, slots=True)
class Templated:
    """A message that shares its template with others. `render` is the provider's substitution, of template and values."""

    template: Whole
    values: Mapping[str, object]
    render: Callable[[Whole, Mapping[str, object]], Printed]
    headers: Mapping[str, str] = field(default_factory=dict)

    def printed(self) -> Printed:
        """With this recipient's values, and the headers that are this recipient's own over those they share."""
        done = self.render(self.template, self.values)
        return Printed(done.subject, done.html, done.text, {**done.headers, **self.headers}, notes=done.notes)

    @property
    def digest(self) -> str:
        """The digest of what is printed."""
        return self.printed().digest

    def header(self, name: str) -> str | None:
        """Its own header, or the one that all share."""
        return Whole("", None, None, self.headers).header(name) or self.template.header(name)


@dataclass(frozen=True, slots=True)
class Raw:
    """A message given as MIME, which arrives as it is."""

    mime: bytes

    def printed(self) -> Printed:
        """Taken apart as a mail program would."""
        return replace_mime(parts_of(self.mime), self.mime)

    @property
    def digest(self) -> str:
        """The digest of the bytes, without taking them apart."""
        return xxhash.xxh3_128_hexdigest(self.mime)

    def header(self, name: str) -> str | None:
        """A header, unfolded."""
        return header_of(self.mime, name)


@dataclass(frozen=True, slots=True)
class Gone:
    """Content that was not kept; its digest may have been."""

    digest: str

    def printed(self) -> Printed:
        """Nothing: it was not kept."""
        return Printed("", None, None, {})

    def header(self, name: str) -> str | None:  # noqa: ARG002 - the signature of all contents
        """Nothing: it was not kept."""
        return None


def parts_of(mime: bytes) -> Whole:
    """Subject, HTML, text and headers of MIME bytes, decoded, by the standard library's parser."""
    message = message_from_bytes(mime, policy=SMTP)
    headers = {name: str(value) for name, value in reversed(message.items())}
    return Whole(str(message["Subject"] or ""), _body(message, "html"), _body(message, "plain"), headers)


def replace_mime(parts: Whole, mime: bytes) -> Printed:
    """Parts together with the bytes they were read from."""
    return Printed(parts.subject, parts.html, parts.text, parts.headers, mime)


def header_of(mime: bytes, name: str) -> str | None:
    """The first header of this name, unfolded, without parsing the rest; None if there is none."""
    head = mime[: mime.find(b"\r\n\r\n") + 2] if b"\r\n\r\n" in mime else mime
    unfolded = head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
    wanted = name.casefold().encode() + b":"
    for line in unfolded.split(b"\r\n"):
        if line[: len(wanted)].lower() == wanted:
            return line[len(wanted) :].strip().decode("utf-8", "replace")
    return None


def _body(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body(preferencelist=(kind,))
    if not isinstance(part, EmailMessage):
        return None
    data = part.get_payload(decode=True)
    charset = part.get_content_charset("utf-8")
    text = data.decode(charset, "replace") if isinstance(data, bytes) else str(part.get_payload())
    return text.replace("\r\n", "\n")
