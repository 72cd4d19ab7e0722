"""Imposing: everything that the letters of one body share is locked up once, with blanks for what is each recipient's own.

From the same strips come two things that say the same: the pieces of a letter's bytes, and the form that ESPs which put values into a
body are given (`domain.message.Form`). A letter is then its blanks' fillings and a gathering of pieces that are already there.
Where everybody gets a body of their own a forme prints one letter, so locking up is laying strips end to end.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple

import xxhash

from delivery.links import CLICK_LETTERS, LINK_LETTERS, SHARED_LETTERS, spelled_link
from delivery.mime import Envelope, Hole
from delivery.setting import Reader, Setting
from domain.ids import MessageId
from domain.message import Form, Stencil
from domain.recipient import Recipient

_APART = b"\0"  # in no letter: quoted-printable spells it otherwise, and headers may not have it
_FIRST: tuple[Hole, ...] = (Hole.MESSAGE_ID, Hole.ADDRESS, Hole.LEAVE, Hole.SHARED)  # a letter's own pieces, before clicks and settings


@dataclass(frozen=True, slots=True)
class Constant:
    """What is the same for every recipient: as it is read, and as it stands in the letter."""

    text: str
    encoded: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Click:
    """A blank for a click's token. `link` as `delivery.links.link_of` has it; there is one object for each."""

    link: bytes


Blank = Click | Setting | Hole
Cell = Constant | Blank
SOFT_BREAK = Constant("", b"=\r\n")  # after a blank in quoted-printable text that does not bring its own


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """Constants with blanks between: `encoded[i]` is followed by `blanks[i]`, `texts[i]` by `read[i]`.

    As they are read, a click's token is a blank that all of a letter share, what is the link's, and a blank for the seal.
    """

    texts: tuple[str, ...]
    read: tuple[Blank, ...]
    encoded: tuple[bytes, ...]
    blanks: tuple[Blank, ...]

    @classmethod
    def of(cls, cells: Iterable[Cell | bytes | str]) -> "Strip":
        """From cells; bytes are constants that are not read, texts such as are nowhere but in forms."""
        texts, encoded = [[""]], [[b""]]
        read, blanks = list[Blank](), list[Blank]()
        for cell in cells:
            if isinstance(cell, (Constant, bytes, str)):
                texts[-1].append(cell.text if isinstance(cell, Constant) else cell if isinstance(cell, str) else "")
                encoded[-1].append(cell.encoded if isinstance(cell, Constant) else cell if isinstance(cell, bytes) else b"")
                continue
            if isinstance(cell, Click):
                read.append(Hole.SHARED)
                texts.append([spelled_link(cell.link)])
            read.append(cell)
            texts.append([])
            blanks.append(cell)
            encoded.append([])
        return cls(tuple(map("".join, texts)), tuple(read), tuple(map(b"".join, encoded)), tuple(blanks))


class Impression(NamedTuple):
    """A letter as a forme prints it: its pieces, what fills the blanks of its form, and a 128-bit hash that is as good as the bytes'.

    The hash is that of the recipient's own pieces and of what says where they go: letters of one hash have the same bytes.
    """

    pieces: tuple[bytes, ...]
    fillings: tuple[str, ...]
    payload_hash: str


class Sheet:
    """What all formes of a send have in common: the strips of headers and boundaries around bodies, and the form's headers."""

    def __init__(self, envelope: Envelope) -> None:
        cells = list(envelope.sheet(text=[Hole.BODY], html=[Hole.BODY]))
        ends = [-1, *(place for place, cell in enumerate(cells) if cell in (Hole.SUBJECT, Hole.BODY)), len(cells)]
        self.strips = [Strip.of(cells[start + 1 : end]) for start, end in pairwise(ends)]
        self.sender = envelope.sender
        self.headers = tuple((name, _stencil([Strip.of(parts)], _numbers(_FIRST))) for name, parts in envelope.headers)

    def around(self, subject: Strip, text: Sequence[Strip], html: Sequence[Strip]) -> list[Strip]:
        """The whole letter."""
        begin, head, between, end = self.strips
        return [begin, subject, head, *text, between, *html, end]


class Forme:
    """One body, locked up for printing. `links`: what the letters' tokens are for, in the order of their fillings."""

    def __init__(self, sheet: Sheet, subject: Strip, *, text: Sequence[Strip], html: Sequence[Strip]) -> None:
        strips = sheet.around(subject, text, html)
        each = dict.fromkeys([blank for strip in strips for blank in strip.blanks])
        clicks = [blank for blank in each if isinstance(blank, Click)]
        self._settings = [blank for blank in each if isinstance(blank, Setting)]
        self.links = tuple([click.link for click in clicks])
        own: list[Blank] = [*_FIRST, *clicks, *self._settings]  # as `print` puts them
        self._constants = tuple([piece for strip in strips for piece in strip.encoded])
        order = _order(strips, {blank: place for place, blank in enumerate(own)})
        self._gather = itemgetter(*order)
        self._likeness = xxhash.xxh3_128_digest(_APART.join((repr(order).encode(), *self._constants)))
        self._signed = itemgetter(*_cuts(len(clicks), begin=0))
        self._spelled = itemgetter(*_cuts(len(clicks), begin=SHARED_LETTERS + LINK_LETTERS))
        numbers, (name, address, reply_to) = _numbers(own), sheet.sender
        about, plain, rich = (_stencil(body, numbers) for body in ([subject], text, html))
        self.form = Form(name, address, reply_to, subject=about, text=plain, html=rich, headers=sheet.headers)

    def print(self, message_id: MessageId, recipient: Recipient, address: str, tokens: bytes) -> Impression:
        """One letter.

        `tokens` as `Signer.tokens_of` gives them for `links`; `address` is fit for a header. Raises RenderError.
        """
        spelled = self._spelled(tokens.decode())
        reader = Reader(recipient, message_id, spelled[0])
        made = [setting.set(reader) for setting in self._settings]
        own = (message_id.encode(), address.encode(), *self._signed(tokens), *[encoded for _, encoded in made])
        return Impression(
            self._gather((*own, *self._constants)),
            (message_id, *spelled, *[text for text, _ in made]),
            xxhash.xxh3_128_hexdigest(_APART.join((self._likeness, *own))),
        )


def _numbers(own: Sequence[Blank]) -> dict[Blank, int]:
    """The numbers of fillings, which are a letter's own pieces but for the address: that is told by itself."""
    return {blank: number for number, blank in enumerate(blank for blank in own if blank is not Hole.ADDRESS)}


def _order(strips: Sequence[Strip], places: Mapping[Blank, int]) -> list[int]:
    """Where the pieces of a letter are found, in its order: `places` in its own pieces, which all constants follow."""
    order, constant = list[int](), len(places)
    for strip in strips:
        for blank in strip.blanks:
            order += constant, places[blank]
            constant += 1
        order.append(constant)
        constant += 1
    return order


def _stencil(strips: Sequence[Strip], numbers: Mapping[Blank, int]) -> Stencil:
    """Strips end to end: the last text of one and the first of the next become one."""
    texts = list(strips[0].texts)
    for strip in strips[1:]:
        texts[-1] += strip.texts[0]
        texts += strip.texts[1:]
    return Stencil(tuple(texts), tuple([numbers[blank] for strip in strips for blank in strip.read]))


def _cuts(links: int, *, begin: int) -> list[slice]:
    """Where a letter's tokens are: the one for unsubscribing, what all others begin with, then each of these from `begin` on."""
    clicks = [slice(link * CLICK_LETTERS + begin, (link + 1) * CLICK_LETTERS) for link in range(links)]
    return [slice(links * CLICK_LETTERS, None), slice(SHARED_LETTERS if links else 0), *clicks]
