"""Plates and type: what a block or a chunk of the frame becomes for one send.

What is the same for every recipient is cast once (rendered, escaped, encoded) into a plate whose only gaps are signed links, as a
stereotype plate was cast from set type to print a whole run. The rest stays movable: a template that is set for each recipient.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from jinja2 import Template
from markupsafe import Markup, escape

from delivery.jinja import LINKS, EmptyValueError, TemplateLinks, reason_of
from delivery.links import ClickSigner
from delivery.mime import RenderError, quoted
from domain.content import Link

_GAP = re.compile("\x00([0-9a-f]{8})(?:\x01([^\x02]*)\x02)?")  # sources hold no control characters
_LONGEST_URL = 2_000
_WEB = re.compile(r"https?://[^\s\x00-\x20\"<>\\^`{|}]+", re.IGNORECASE)

Context = Mapping[str, object]


class LetterLinks(TemplateLinks):
    """The links of one letter at one position, also as bytes for a gap in a plate."""

    __slots__ = ()

    def fill(self, link_id: str, own: str | None) -> bytes:
        """What a plate prints into a gap, encoded; the plate's text before it ends with `prefix`."""
        raise NotImplementedError


class SignedLinks(LetterLinks):
    """Signed addresses under a common prefix, each signed once however often it is printed."""

    __slots__ = ("_made", "_position", "_prefix", "_signer")

    def __init__(self, prefix: str, signer: ClickSigner, position: int) -> None:
        self._prefix, self._signer, self._position = prefix, signer, position
        self._made: dict[str, bytes] = {}

    def __getitem__(self, link_id: str) -> str:
        return Markup(self._prefix + self._token(link_id).decode())  # noqa: S704 - nothing to escape in it

    def own(self, link_id: str, url: str) -> str:
        return self._prefix + self._signer.sign(bytes.fromhex(link_id), self._position, web_address(url)).decode()

    def fill(self, link_id: str, own: str | None) -> bytes:
        if own is None:
            return self._token(link_id) + b"=\r\n"
        return quoted(self.own(link_id, own).removeprefix(self._prefix))

    def _token(self, link_id: str) -> bytes:
        if (token := self._made.get(link_id)) is None:
            token = self._made[link_id] = self._signer.sign(bytes.fromhex(link_id), self._position)
        return token


class DirectLinks(TemplateLinks):
    """The links as they are, for previews: no click is counted."""

    __slots__ = ("_escape", "_urls")

    def __init__(self, links: Mapping[str, Link], *, html: bool) -> None:
        self._urls, self._escape = links, escape if html else str

    def __getitem__(self, link_id: str) -> str:
        return self._escape(self._urls[link_id].url)

    def own(self, link_id: str, url: str) -> str:
        del link_id
        return self._escape(web_address(url))


class _Gaps(TemplateLinks):
    """Leaves gaps where links belong, while a plate is cast."""

    __slots__ = ()

    def __getitem__(self, link_id: str) -> str:
        return Markup(f"\x00{link_id}")  # noqa: S704 - nothing to escape in it

    def own(self, link_id: str, url: str) -> str:
        return f"\x00{link_id}\x01{web_address(url)}\x02"


GAPS = _Gaps()


def web_address(url: str) -> str:
    """An address a letter may lead to. Raises RenderError for one that is not http(s): a recipient's data must not bring a script in."""
    stripped = url.strip()
    if len(stripped) > _LONGEST_URL or not _WEB.fullmatch(stripped):
        hint = "it has to begin with https:// and to have no blanks: print values with | urlencode"
        raise RenderError("a link's address is not a web address for this recipient", hint=hint)
    return stripped


@dataclass(frozen=True, slots=True)
class Plate:
    """Text with gaps: `texts[i]` is followed by the link `gaps[i]`, its id and, if it has one, its own address.

    `pieces[i]` is `texts[i]` encoded, with the prefix of all signed links after it wherever a gap follows.
    """

    texts: tuple[str, ...]
    pieces: tuple[bytes, ...]
    gaps: tuple[tuple[str, str | None], ...]

    @classmethod
    def cast(cls, text: str, prefix: str) -> "Plate":
        """From text rendered with gaps. `prefix` is what the addresses of all signed links begin with."""
        parts = _GAP.split(text)
        texts = tuple(parts[::3])
        pieces = (*(quoted(part + prefix) for part in texts[:-1]), quoted(texts[-1]))
        return cls(texts, pieces, tuple(zip(parts[1::3], parts[2::3], strict=True)))

    def printed(self, context: Context, links: TemplateLinks) -> Iterator[str]:
        """The text for one recipient."""
        del context
        yield self.texts[0]
        for (link_id, own), text in zip(self.gaps, self.texts[1:], strict=True):
            yield links[link_id] if own is None else links.own(link_id, own)
            yield text

    def encoded(self, context: Context, links: LetterLinks) -> list[bytes]:
        """The encoded text for one recipient."""
        del context
        made = [self.pieces[0]]
        for (link_id, own), piece in zip(self.gaps, self.pieces[1:], strict=True):
            made += links.fill(link_id, own), piece
        return made


@dataclass(frozen=True, slots=True)
class Forme:
    """Plates and type side by side, locked up into one."""

    parts: tuple["Plate | Type", ...]

    def printed(self, context: Context, links: TemplateLinks) -> Iterator[str]:
        """The text for one recipient."""
        for part in self.parts:
            yield from part.printed(context, links)

    def encoded(self, context: Context, links: LetterLinks) -> list[bytes]:
        """The encoded text for one recipient."""
        return [piece for part in self.parts for piece in part.encoded(context, links)]


@dataclass(frozen=True, slots=True)
class Type:
    """Movable type: a template that is set for each recipient. `file` is named when it cannot be; `tidy` is done to what is set."""

    template: Template
    file: str
    tidy: Callable[[str], str]

    def set(self, context: Context, links: TemplateLinks) -> str:
        """The text for one recipient. Raises RenderError naming the file and the reason, never a value."""
        try:
            variables = self.template.new_context({**context, LINKS: links}, shared=True)
            return self.tidy("".join(self.template.root_render_func(variables)))
        except RenderError as error:
            raise RenderError(error.what, where=self.file, hint=error.hint) from None
        except Exception as error:  # templates run into whatever the values bring along
            advice = "write {{ … | default('…') }}, or put it into {% if … %}" if isinstance(error, EmptyValueError) else None
            raise RenderError(reason_of(error), where=self.file, hint=advice) from None

    def printed(self, context: Context, links: TemplateLinks) -> Iterator[str]:
        """The text for one recipient."""
        yield self.set(context, links)

    def encoded(self, context: Context, links: LetterLinks) -> list[bytes]:
        """The encoded text for one recipient."""
        return [quoted(self.set(context, links))]
