"""Type as it is set for each recipient of a send, and kept for those who are alike.

What a template prints depends on the columns that it reads and on nothing else. Recipients who have the same values in these get
the same text, so it is set once for them: to set a line in Jinja takes ten times as long as to look it up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import cast

from delivery.jinja import Columns, TemplateLinks, plain
from delivery.links import Signer
from delivery.mime import body_text, header_bytes, header_text, one_line, quoted, subject_text
from delivery.own_links import own_links
from delivery.plates import GAPS, Context, Piece, SignedLinks
from delivery.reads import Reads
from domain.ids import MessageId
from domain.recipient import AttributeValue, Recipient

_KEPT = 1_024  # settings per place in a letter
_UNLIKE = frozenset(("recipient_id", "address", "created_at"))  # no two recipients are alike in these
_STANDARD = ("recipient_id", "address", "time_zone", "locale", "consent", "created_at")

Value = AttributeValue | datetime
Set = tuple[str, bytes]  # the text as it is read, and as it stands in the letter


def as_body(text: str) -> Set:
    """A piece of a body."""
    return body_text(text), quoted(text)


def as_subject(text: str) -> Set:
    """A whole subject."""
    return subject_text(text), header_bytes("Subject", header_text(text))


@dataclass(frozen=True, slots=True)
class Press:
    """What setting type takes that is the same for all letters of a send.

    `shared` is what templates read that is not the recipient's. All signed links begin with `prefix`, those for unsubscribing with
    `leave_root`; `signer` signs the links that are inside what is set.
    """

    shared: Context
    prefix: str
    leave_root: str
    signer: Signer


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom a letter is set for. `leave` is the token of its unsubscribe link."""

    recipient: Recipient
    message_id: MessageId
    leave: str


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the letters of a send: what is set there, and the preheader of their subject. `after` follows it unless it is empty."""

    piece: Piece
    preheader: Piece | None
    position: int
    finish: Callable[[str], Set] = as_body
    after: str = ""

    @property
    def reads(self) -> Reads:
        """What it depends on."""
        own = self.piece.reads
        return own | self.preheader.reads if own.preheader and self.preheader else own


class Setting:
    """One place, to be set for each recipient. Safe to share between threads."""

    def __init__(self, place: Place, press: Press) -> None:
        self._place, self._press = place, press
        reads = place.reads
        self._columns = tuple(sorted(reads.columns or ()))
        alike = reads.columns is not None and not (reads.unsubscribe_url or reads.links or reads.columns & _UNLIKE)
        # Typed, because 1, 1.0 and True are equal and are not printed alike.
        self._kept = lru_cache(_KEPT, typed=True)(self._of_values) if alike else None

    def set(self, reader: Reader) -> Set:
        """The text for one recipient. Raises RenderError naming the file and the reason, never a value."""
        if self._kept is None:
            return self._of(reader)
        values = [value_of(reader.recipient, column) for column in self._columns]
        try:
            return self._kept(*values)
        except TypeError:  # a list among the values, which no key can hold
            return self._of_values(*values)

    def _of_values(self, *values: Value) -> Set:
        return self._made(Columns("recipient", dict(zip(self._columns, values, strict=True))), {}, GAPS)

    def _of(self, reader: Reader) -> Set:
        clicks = self._press.signer.clicks_of(reader.message_id)
        links = SignedLinks(self._press.prefix, clicks, self._place.position)
        own = own_links(self._press.prefix, clicks) if self._place.reads.unsubscribe_url else {}
        return self._made(columns_of(reader.recipient), {**own, "unsubscribe_url": self._press.leave_root + reader.leave}, links)

    def _made(self, recipient: Columns, more: Context, links: TemplateLinks) -> Set:
        place, context = self._place, {**self._press.shared, **more, "recipient": recipient}
        if place.preheader:
            context["preheader"] = one_line("".join(place.preheader.printed(context, GAPS)))
        text = "".join(place.piece.printed(context, links))
        return place.finish(text + place.after if text else text)


def columns_of(recipient: Recipient) -> Columns:
    """All columns of a recipient, as templates read them."""
    attributes = {name: plain(value) for name, value in recipient.attributes.items()}
    return Columns("recipient", {**attributes, **{name: getattr(recipient, name) for name in _STANDARD}})


def value_of(recipient: Recipient, column: str) -> Value:
    """One of them; None for a column that is empty."""
    if column in _STANDARD:
        return cast("Value", getattr(recipient, column))
    return plain(recipient.attributes.get(column))
