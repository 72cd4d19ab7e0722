"""What is said to a relay about one letter: MAIL, RCPT, DATA, and the body as it travels. Pure.

The last line of defence against command injection: an address that could end a command is not sent at all, however it
came into the list; nor is a body with bare line ends, which relays disagree about ("SMTP smuggling", 2023).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from domain.message import Letter

_USABLE = re.compile(r"[^\s\x00-\x20\x7f<>@]+@[^\s\x00-\x20\x7f<>@]+")


class Unsendable(Exception):  # noqa: N818 - a property of the letter
    """The letter cannot be sent through this relay, for a reason that trying again does not change."""


@dataclass(frozen=True, slots=True)
class Extensions:
    """What the relay said it can do (RFC 5321 §4.1.1.1). `size` 0: no limit told."""

    size: int = 0
    eight_bit: bool = False
    utf8: bool = False
    tells_size: bool = False

    @staticmethod
    def of(features: Mapping[str, str]) -> "Extensions":
        """From the words of the EHLO answer and their parameters."""
        told = features.get("size", "").strip()
        return Extensions(int(told) if told.isdigit() else 0, "8bitmime" in features, "smtputf8" in features, "size" in features)


def commands_of(letter: Letter, extensions: Extensions) -> tuple[str, str, str]:
    """MAIL, RCPT and DATA for a letter. Raises Unsendable with the reason."""
    _check_line_ends(letter.mime)
    sender, recipient = (_usable(address, extensions) for address in (letter.sender, letter.address))
    words = [f"MAIL FROM:<{sender}>"]
    if extensions.tells_size:
        words.append(f"SIZE={len(letter.mime)}")
    if 0 < extensions.size < len(letter.mime):
        raise Unsendable(f"larger than the relay takes ({extensions.size} bytes)")
    if not letter.mime.isascii():
        if not extensions.eight_bit:
            raise Unsendable("it holds 8-bit bytes and the relay does not offer 8BITMIME")
        words.append("BODY=8BITMIME")
    if not (sender + recipient).isascii():
        words.append("SMTPUTF8")
    return " ".join(words), f"RCPT TO:<{recipient}>", "DATA"


def body_of(mime: bytes) -> bytes:
    """The letter as it travels, without the final dot: lines that begin with a dot get a second one (RFC 5321 §4.5.2)."""
    stuffed = mime.replace(b"\r\n.", b"\r\n..")
    stuffed = b"." + stuffed if stuffed.startswith(b".") else stuffed
    return stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n"


def _check_line_ends(mime: bytes) -> None:
    pairs = mime.count(b"\r\n")
    if mime.count(b"\n") != pairs or mime.count(b"\r") != pairs:
        raise Unsendable("the letter has a line end that is not CRLF")


def _usable(address: str, extensions: Extensions) -> str:
    """The address as it is said to the relay: an international domain in ASCII, an international local part as it is."""
    if not _USABLE.fullmatch(address):
        raise Unsendable("the address cannot be said to a relay")
    local, _, domain = address.rpartition("@")
    try:
        address = f"{local}@{domain if domain.isascii() else domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        raise Unsendable("the domain of the address cannot be written in ASCII") from None
    if not (address.isascii() or extensions.utf8):
        raise Unsendable("the address needs SMTPUTF8, which the relay does not offer")
    return address
