"""Letters to hand off, as small as letters can be."""

from collections.abc import Iterator

from domain.hashing import key_of
from domain.ids import RecipientId, SendId, digest, message_id_of
from domain.ledger import UnprintableMessage
from domain.message import Letter

SEND = SendId("weekly-20261123T090000Z")
SENDER = "news@shop.example"


def letter(number: int, *, address: str | None = None, mime: bytes | None = None, sender: str = SENDER) -> Letter:
    """The letter to recipient r<number>."""
    who = RecipientId(f"r{number}")
    content = (
        mime
        if mime is not None
        else f"Subject: Number {number}\r\nMessage-ID: <{message_id_of(SEND, who)}@shop.example>\r\n\r\nHello.\r\n".encode()
    )
    return Letter(
        message_id=message_id_of(SEND, who),
        send_id=SEND,
        recipient_id=who,
        sender=sender,
        address=address if address is not None else f"r{number}@example.org",
        pieces=(content,),
        payload_hash=digest(content.decode("latin-1")),
        body_hash=f"{key_of('body'):x}",
    )


def letters(count: int, *, first: int = 0) -> Iterator[Letter]:
    """Letters to r<first>, r<first + 1>, …"""
    return (letter(number) for number in range(first, first + count))


def unprintable(number: int) -> UnprintableMessage:
    """What is left of the letter to r<number> when its block cannot be rendered."""
    who = RecipientId(f"r{number}")
    return UnprintableMessage(message_id_of(SEND, who), SEND, who, 0, "hero/default.mjml:3: 'city' is undefined")
