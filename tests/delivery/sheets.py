"""Whole letters from an envelope and two bodies, without a campaign around them."""

from collections.abc import Iterable

from delivery.mime import Envelope, Hole, header_text, quoted
from domain.campaign import Campaign
from domain.ids import MessageId
from domain.send import Send

MESSAGE = MessageId("0123456789abcdef0123456789abcdef")


def filled(of: Campaign, send: Send, subject: str, *, text: Iterable[str], html: Iterable[str], address: str = "ada@example.org") -> bytes:
    """The bytes of a letter whose bodies come in these pieces and whose unsubscribe token is `token`."""
    inside = {
        Hole.MESSAGE_ID: MESSAGE.encode(),
        Hole.ADDRESS: address.encode(),
        Hole.LEAVE: b"token",
        Hole.SUBJECT: header_text(subject).encode("ascii"),
    }
    sheet = Envelope(of, send).sheet(text=map(quoted, text), html=map(quoted, html))
    return b"".join(cell if isinstance(cell, bytes) else inside[cell] for cell in sheet)
