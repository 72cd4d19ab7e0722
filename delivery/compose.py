"""Printing letters: compiled content + chosen variants + one recipient → the message's bytes.

Pure: the same content, send, recipient and choice give the same bytes, on any machine and at any time.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, groupby

from markupsafe import escape

from delivery.imposing import SOFT_BREAK, Cell, Click, Constant, Forme, Sheet, Strip
from delivery.jinja import Columns, html_template, safe_range, text_template
from delivery.jinja_check import is_personal
from delivery.links import Signer, link_of
from delivery.mime import Envelope, Hole, RenderError, body_text, checked_address, one_line
from delivery.own_links import own_links_of_preview
from delivery.plates import GAPS, Context, DirectLinks, Line, Piece, Plate, Type
from delivery.reads import Reads
from delivery.setting import Place, Press, Setting, as_body, as_subject, columns_of
from delivery.tidying import Tidy, parts_of
from delivery.tokens import segments
from domain.campaign import PlacementKind
from domain.content import Content, Variant
from domain.ids import PlacementId, VariantId, digest, message_id_of
from domain.message import Letter
from domain.recipient import Recipient
from domain.send import Send

Chosen = Mapping[PlacementId, tuple[VariantId, ...]]
Slate = tuple[tuple[VariantId, ...], ...]  # by placement, in the campaign's order
_LEAVE_ALONE = re.compile(r"\{\{\s*unsubscribe_url\s*\}\}")
_APART = {True: "\n", False: "\n\n"}  # what stands between two pieces of HTML, of text
_FORMES = 128  # bodies that are kept locked up, some 100 kB each; letters come body by body


@dataclass(frozen=True, slots=True)
class Preview:
    """A letter for people to look at: links lead straight to their destinations, and nothing is counted."""

    subject: str
    preheader: str
    html: str
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class _Subject:
    """A variant of the subject. `heading`: the line as it stands in letters."""

    line: Line
    preheader: Line
    heading: Strip


class Composer:
    """Prints the letters of one send. Safe to share between threads.

    Links are signed with the send's own key (`send.key_id`) under `send.public_url`, so that a letter can be printed again after keys and
    addresses have changed. Raises InputError when the signer does not have that key.
    """

    def __init__(self, content: Content, send: Send, signer: Signer) -> None:
        self._content, self._send = content, send
        self._signer = signer.with_key(send.key_id)
        self._envelope = Envelope(content.campaign, send)
        self._prefix = f"{send.public_url.rstrip('/')}/c/"
        self._shared = _shared_context(content, send)
        self._press = Press(self._shared, self._prefix, self._envelope.leave_root, self._signer)
        self._set = lru_cache(None)(lambda place: Setting(place, self._press))  # one for each place that there is
        self._known = frozenset((v.placement, v.variant) for v in content.variants)
        placements = content.campaign.placements
        self._positions = {p.placement: p.positions for p in placements}
        self._defaults = {p.placement: content.default_slate(p.placement) for p in placements}
        self._subject_of = next(p.placement for p in placements if p.kind is PlacementKind.SUBJECT)
        frame_file = f"{content.campaign.campaign}/letter.mjml"
        self._frame = {html: [self._line(s, frame_file, html=html) for s in self._chunks(html)] for html in (True, False)}
        self._blocks = {
            (v.placement, v.variant, html): self._line(v.block.html if html else v.block.text, v.file or v.variant, html=html)
            for v in content.variants
            if v.placement != self._subject_of
            for html in (True, False)
        }
        self._subjects = {v.variant: self._subject(v) for v in content.of(self._subject_of)}
        self._click = lru_cache(None)(Click)
        self._sheet, self._strip = Sheet(self._envelope), lru_cache(None)(self._cast)
        self._imposed = lru_cache(_FORMES)(self._impose)

    def compose(self, recipient: Recipient, chosen: Chosen) -> Letter:
        """The recipient's letter. A placement that `chosen` does not name gets its default slate.

        Raises RenderError naming the file and the reason, never a value.
        """
        message_id = message_id_of(self._send.send_id, recipient.recipient_id)
        body_hash, forme = self._imposed(tuple([chosen.get(placement) or default for placement, default in self._defaults.items()]))
        tokens = self._signer.tokens_of(message_id, forme.links)
        pieces, fillings, payload_hash = forme.print(message_id, recipient, checked_address(recipient.address), tokens)
        return Letter(
            message_id=message_id,
            send_id=self._send.send_id,
            recipient_id=recipient.recipient_id,
            sender=self._content.campaign.letter_sender.address,
            address=recipient.address,
            pieces=pieces,
            payload_hash=payload_hash,
            body_hash=body_hash,
            form=forme.form,
            fillings=fillings,
        )

    def preview(self, recipient: Recipient, chosen: Chosen) -> Preview:
        """The recipient's letter to look at. Raises RenderError as `compose` does."""
        slate = self._slate(chosen)
        subject = self._subjects[slate[self._subject_of][0]]
        context = {**self._shared, "recipient": columns_of(recipient), "unsubscribe_url": f"{self._envelope.leave_root}preview"}
        context |= own_links_of_preview(self._prefix)
        context["preheader"] = one_line(_joined(subject.preheader, context))
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

    def _lines(self, slate: Chosen, *, html: bool) -> Iterator[tuple[Line, int]]:
        """The letter's lines in order, each with its position (0: the frame)."""
        frame = self._frame[html]
        for chunk, placement in zip(frame, self._content.frame.slots, strict=False):
            yield chunk, 0
            for position, variant in enumerate(slate[placement], 1):
                yield self._blocks[placement, variant, html], position
        yield frame[-1], 0

    def _printed(self, slate: Chosen, context: Context, *, html: bool) -> str:
        links = DirectLinks({link.link_id: link for link in self._content.links}, html=html)
        texts = ("".join(piece.printed(context, links)) for piece, _ in self._lines(slate, html=html))
        return "".join(text + _APART[html] for text in texts if text)

    def _impose(self, slate: Slate) -> tuple[str, Forme]:
        """What all letters of this combination share, and its hash."""
        named = self._slate(dict(zip(self._defaults, slate, strict=True)))
        subject = self._subjects[named[self._subject_of][0]]
        text, html = ([self._strip(*where, subject, html) for where in self._lines(named, html=html)] for html in (False, True))
        return self.body_hash(named), Forme(self._sheet, subject.heading, text=text, html=html)

    def _cast(self, line: Line, position: int, subject: _Subject, html: bool) -> Strip:
        """A line as constants and blanks, and what keeps it apart from the next; for a subject, which brings the preheader."""
        if line.may_be_empty:
            return Strip.of([] if line.plate else [self._setting(line, position, subject, after=_APART[html])])
        cells = (self._typed(part, position, subject) if isinstance(part, Type) else self._plated(part, position) for part in line.parts)
        return Strip.of((*chain.from_iterable(cells), Constant(*as_body(_APART[html]))))

    def _plated(self, plate: Plate, position: int) -> Iterator[Cell]:
        for text, encoded, (link_id, own) in zip(plate.texts, plate.encoded, plate.gaps, strict=False):
            yield Constant(body_text(text) + self._prefix * (own is None), encoded)
            if own is None:
                yield from (self._click(link_of(link_id, position)), SOFT_BREAK)
            else:
                yield self._set(Place(Plate(("", ""), (b"", b""), ((link_id, own),)), None, position))
        yield Constant(body_text(plate.texts[-1]), plate.encoded[-1])

    def _typed(self, typed: Type, position: int, subject: _Subject) -> Iterator[Cell]:
        root = self._press.leave_root
        if _LEAVE_ALONE.fullmatch(typed.source) and (not typed.html or escape(root) == root):
            yield from (Constant(*as_body(root)), Hole.LEAVE, SOFT_BREAK)
        elif typed.reads == Reads(preheader=True) and subject.preheader.plate:
            yield Constant(*as_body(typed.set({**self._shared, "preheader": one_line(subject.preheader.plate.texts[0])}, GAPS)))
        else:
            yield self._setting(typed, position, subject)

    def _setting(self, piece: Piece, position: int, subject: _Subject, *, after: str = "") -> Setting:
        reads = piece.reads
        return self._set(Place(piece, subject.preheader if reads.preheader else None, position if reads.links else 0, after=after))

    def _chunks(self, html: bool) -> tuple[str, ...]:
        return self._content.frame.html if html else self._content.frame.text

    def _line(self, source: str, file: str, *, html: bool) -> Line:
        """The source as plates and type. Text with statements is rid of the empty lines that they leave."""
        if not is_personal(source):
            return Line((self._plate(source, file, html=html, tidy=Tidy() if not html and "{%" in source else None),))
        if not html and "{%" in source:
            return self._tidied(source, file)
        parts = (("".join(run), personal) for personal, run in groupby(segments(source), key=is_personal))
        return Line(tuple(_type(s, file, html=html) if own else self._plate(s, file, html=html) for s, own in parts))

    def _tidied(self, source: str, file: str) -> Line:
        """Text with statements, in parts if every constant one certainly begins and ends with something."""
        parts: list[Plate | Type] = []
        for part in parts_of(source):
            made = _type(part.source, file, html=False, tidy=part.tidy) if part.personal else self._plate(part.source, file, tidy=part.tidy)
            if isinstance(made, Plate) and not made.is_tight:
                return Line((_type(source, file, html=False, tidy=Tidy()),))
            parts.append(made)
        return Line(tuple(parts))

    def _plate(self, source: str, file: str, *, html: bool = False, tidy: Callable[[str], str] | None = None) -> Plate:
        return Plate.cast(_type(source, file, html=html, tidy=tidy).set(self._shared, GAPS), self._prefix)

    def _subject(self, variant: Variant) -> _Subject:
        file = variant.file or variant.variant
        line, preheader = (self._line(source, file, html=False) for source in (variant.block.text, variant.preheader or ""))
        return _Subject(line, preheader, Strip.of([self._heading(line, preheader)]))

    def _heading(self, line: Line, preheader: Line) -> Constant | Setting:
        """The subject, set as a whole where it is set: blanks next to each other become one, wherever they come from."""
        if line.plate:
            return Constant(*as_subject(line.plate.texts[0]))
        return self._set(Place(line, preheader if line.reads.preheader else None, 0, finish=as_subject))


def _type(source: str, file: str, *, html: bool, tidy: Callable[[str], str] | None = None) -> Type:
    return Type(source, html, file, tidy or _as_is, (html_template if html else text_template)(source))


def _shared_context(content: Content, send: Send) -> Context:
    campaign = content.campaign
    about = {
        "name": campaign.campaign,
        "title": campaign.title,
        "postal_address": campaign.postal_address,
        "sender": campaign.letter_sender.name,
    }
    run = {"name": send.send_id, "date": send.as_of.date(), "year": send.as_of.year}
    return {"range": safe_range, "campaign": Columns("campaign", about), "send": Columns("send", run)}


def _joined(piece: Piece, context: Context) -> str:
    return "".join(piece.printed(context, GAPS))


def _as_is(text: str) -> str:
    return text
