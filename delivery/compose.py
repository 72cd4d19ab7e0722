"""Printing letters: compiled content + chosen variants + one recipient → the message's bytes.

Pure: the same content, send, recipient and choice give the same bytes, on any machine and at any time.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

import xxhash

from delivery.jinja import Columns, TemplateLinks, html_template, plain, safe_range, text_template
from delivery.jinja_check import is_personal
from delivery.links import Signer
from delivery.mime import Envelope, RenderError, header_text, one_line, quoted
from delivery.plates import GAPS, Context, DirectLinks, Forme, LetterLinks, Plate, SignedLinks, Type
from delivery.tokens import segments
from domain.campaign import PlacementKind
from domain.content import Content, Variant
from domain.ids import MessageId, PlacementId, VariantId, digest, message_id_of
from domain.message import Letter
from domain.recipient import Recipient
from domain.send import Send

Chosen = Mapping[PlacementId, tuple[VariantId, ...]]
_EMPTY_LINES = re.compile(r"\n\s*\n\s*\n")
_APART = {True: "\n", False: "\n\n"}  # what stands between two pieces of HTML, of text


class Piece(Protocol):
    """A plate or type."""

    def printed(self, context: Context, links: TemplateLinks) -> Iterator[str]:
        """The text for one recipient."""

    def encoded(self, context: Context, links: LetterLinks) -> list[bytes]:
        """The same, encoded."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A letter for people to look at: links lead straight to their destinations, and nothing is counted."""

    subject: str
    preheader: str
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class _Subject:
    line: Piece
    preheader: Piece
    header: str | None  # the encoded header, where the line is the same for everyone


class Composer:
    """Prints the letters of one send. Safe to share between threads.

    Links are signed with the send's own key (`send.key_id`) under `send.public_url`, so that a letter can be printed again after keys and
    addresses have changed. Raises InputError when the signer does not have that key.
    """

    def __init__(self, content: Content, send: Send, signer: Signer) -> None:
        self._content, self._send = content, send
        self._signer = signer.with_key(send.key_id)
        self._envelope = Envelope(content.campaign, send)
        self._root = send.public_url.rstrip("/")
        self._prefix = f"{self._root}/c/"
        self._shared = _shared_context(content, send)
        self._known = frozenset((v.placement, v.variant) for v in content.variants)
        self._positions = {p.placement: p.positions for p in content.campaign.placements}
        self._defaults = {p.placement: content.default_slate(p.placement) for p in content.campaign.placements}
        self._subject_of = next(p.placement for p in content.campaign.placements if p.kind is PlacementKind.SUBJECT)
        frame_file = f"{content.campaign.campaign}/letter.mjml"
        self._frame = {html: [self._piece(s, frame_file, html=html) for s in self._chunks(html)] for html in (True, False)}
        self._blocks = {
            (v.placement, v.variant, html): self._piece(v.block.html if html else v.block.text, v.file or v.variant, html=html)
            for v in content.variants
            if v.placement != self._subject_of
            for html in (True, False)
        }
        self._subjects = {v.variant: self._subject(v) for v in content.of(self._subject_of)}

    def compose(self, recipient: Recipient, chosen: Chosen) -> Letter:
        """The recipient's letter. A placement that `chosen` does not name gets its default slate.

        Raises RenderError naming the file and the reason, never a value.
        """
        message_id = message_id_of(self._send.send_id, recipient.recipient_id)
        slate = self._slate(chosen)
        unsubscribe = f"{self._root}/u/{self._signer.sign_unsubscribe(message_id)}"
        links = self._signed(message_id)
        subject = self._subjects[slate[self._subject_of][0]]
        context = self._context(recipient, unsubscribe, subject)
        header = subject.header or header_text(_joined(subject.line, context))
        text, html = (self._encoded(slate, context, links, html=html) for html in (False, True))
        mime = self._envelope.letter(message_id, recipient.address, subject=header, unsubscribe_url=unsubscribe, text=text, html=html)
        return Letter(
            message_id=message_id,
            send_id=self._send.send_id,
            recipient_id=recipient.recipient_id,
            sender=self._content.campaign.sender.address,
            address=recipient.address,
            mime=mime,
            payload_hash=xxhash.xxh3_128_hexdigest(mime),
            body_hash=self.body_hash(slate),
        )

    def preview(self, recipient: Recipient, chosen: Chosen) -> Preview:
        """The recipient's letter to look at. Raises RenderError as `compose` does."""
        slate = self._slate(chosen)
        subject = self._subjects[slate[self._subject_of][0]]
        context = self._context(recipient, f"{self._root}/u/preview", subject)
        bodies = {html: self._printed(slate, context, html=html) for html in (True, False)}
        return Preview(one_line(_joined(subject.line, context)), str(context["preheader"]), bodies[True], bodies[False])

    def body_hash(self, chosen: Chosen) -> str:
        """The same for all recipients with this combination of variants: 32 hex digits."""
        names = (f"{placement}:{','.join(variants)}" for placement, variants in sorted(self._slate(chosen).items()))
        return digest("body", self._content.content_version, *names)

    def _slate(self, chosen: Chosen) -> dict[PlacementId, tuple[VariantId, ...]]:
        slate = {placement: chosen.get(placement) or default for placement, default in self._defaults.items()}
        for placement, variants in slate.items():
            if len(variants) > self._positions[placement]:
                raise RenderError(f"{placement} has {self._positions[placement]} positions, not {len(variants)}")
            for variant in variants:
                if (placement, variant) not in self._known:
                    raise RenderError(f"{placement} has no variant {variant!r} in this content version")
        return slate

    def _context(self, recipient: Recipient, unsubscribe: str, subject: _Subject) -> Context:
        context = {**self._shared, "recipient": _columns(recipient), "unsubscribe_url": unsubscribe}
        context["preheader"] = one_line(_joined(subject.preheader, context))
        return context

    def _signed(self, message_id: MessageId) -> list[SignedLinks]:
        """The message's links by position; those of the frame at 0."""
        signer = self._signer.clicks_of(message_id)
        return [SignedLinks(self._prefix, signer, position) for position in range(max(self._positions.values()) + 1)]

    def _pieces(self, slate: Chosen, *, html: bool) -> Iterator[tuple[Piece, int]]:
        """The letter's pieces in order, each with its position (0: the frame)."""
        frame = self._frame[html]
        for chunk, placement in zip(frame, self._content.frame.slots, strict=False):
            yield chunk, 0
            for position, variant in enumerate(slate[placement], 1):
                yield self._blocks[placement, variant, html], position
        yield frame[-1], 0

    def _encoded(self, slate: Chosen, context: Context, links: list[SignedLinks], *, html: bool) -> list[bytes]:
        apart, out = quoted(_APART[html]), list[bytes]()
        for piece, position in self._pieces(slate, html=html):
            if any(made := piece.encoded(context, links[position])):  # some come out empty
                out += made
                out.append(apart)
        return out

    def _printed(self, slate: Chosen, context: Context, *, html: bool) -> str:
        links = DirectLinks({link.link_id: link for link in self._content.links}, html=html)
        texts = ("".join(piece.printed(context, links)) for piece, _ in self._pieces(slate, html=html))
        return "".join(text + _APART[html] for text in texts if text)

    def _chunks(self, html: bool) -> tuple[str, ...]:
        return self._content.frame.html if html else self._content.frame.text

    def _piece(self, source: str, file: str, *, html: bool) -> Piece:
        """The source as plates and type. Text with statements is kept whole: the empty lines they leave are tidied as a whole."""
        if not is_personal(source):
            return self._plate(source, file, html=html)
        if not html and "{%" in source:
            return Type(text_template(source), file, _tidy)
        template = html_template if html else text_template
        parts = (("".join(run), personal) for personal, run in groupby(segments(source), key=is_personal))
        return Forme(tuple(Type(template(s), file, _as_is) if own else self._plate(s, file, html=html) for s, own in parts))

    def _plate(self, source: str, file: str, *, html: bool) -> Plate:
        movable = Type((html_template if html else text_template)(source), file, _as_is if html or "{%" not in source else _tidy)
        return Plate.cast(movable.set(self._shared, GAPS), self._prefix)

    def _subject(self, variant: Variant) -> _Subject:
        file = variant.file or variant.variant
        line = self._piece(variant.block.text, file, html=False)
        header = header_text(line.texts[0]) if isinstance(line, Plate) else None
        return _Subject(line, self._piece(variant.preheader or "", file, html=False), header)


def _shared_context(content: Content, send: Send) -> Context:
    campaign = content.campaign
    about = {"name": campaign.campaign, "title": campaign.title, "postal_address": campaign.postal_address, "sender": campaign.sender.name}
    run = {"name": send.send_id, "date": send.as_of.date(), "year": send.as_of.year}
    return {"range": safe_range, "campaign": Columns("campaign", about), "send": Columns("send", run)}


def _columns(recipient: Recipient) -> Columns:
    own = {
        "recipient_id": recipient.recipient_id,
        "address": recipient.address,
        "time_zone": recipient.time_zone,
        "locale": recipient.locale,
        "consent": recipient.consent,
        "created_at": recipient.created_at,
    }
    return Columns("recipient", {**{name: plain(value) for name, value in recipient.attributes.items()}, **own})


def _joined(piece: Piece, context: Context) -> str:
    return "".join(piece.printed(context, GAPS))


def _as_is(text: str) -> str:
    return text


def _tidy(text: str) -> str:
    """Plain text without the empty lines that Jinja's statements leave behind."""
    return _EMPTY_LINES.sub("\n\n", text.strip())
