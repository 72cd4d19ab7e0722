"""Plates and type: what a block or a chunk of the frame becomes for one send.

What is the same for every recipient is cast once (rendered, escaped, encoded) into a plate whose only gaps are signed links, as a
stereotype plate was cast from set type to print a whole run. The rest stays movable: a template that is set for each recipient.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import or_

from jinja2 import Template
from markupsafe import Markup, escape

from delivery.jinja import LINKS, EmptyValueError, TemplateLinks, reason_of
from delivery.links import ClickSigner, link_of
from delivery.mime import RenderError, quoted
from delivery.reads import Reads, reads_of
from domain.content import Link

_GAP = re.compile("\x00([0-9a-f]{8})(?:\x01([^\x02]*)\x02)?")  # sources hold no control characters
_LONGEST_URL = 2_000
_WEB = re.compile(r"https?://[^\s\x00-\x20\"<>\\^`{|}]+", re.IGNORECASE)

Context = Mapping[str, object]


class SignedLinks(TemplateLinks):
    """The links of one letter at one position: signed addresses under a common prefix."""

    __slots__ = ("_position", "_prefix", "_signer")

    def __init__(self, prefix: str, signer: ClickSigner, position: int) -> None:
        self._prefix, self._signer, self._position = prefix, signer, position

    def __getitem__(self, link_id: str) -> str:
        return Markup(self._prefix + self._signer.sign(link_of(link_id, self._position)).decode())  # noqa: S704 - nothing to escape

    def own(self, link_id: str, url: str) -> str:
        return self._prefix + self._signer.sign(link_of(link_id, self._position), web_address(url)).decode()


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

    `encoded[i]` is `texts[i]` encoded; with the prefix of all signed links after it, where it is followed by one of the same address
    for everyone.
    """

    texts: tuple[str, ...]
    encoded: tuple[bytes, ...]
    gaps: tuple[tuple[str, str | None], ...]

    @classmethod
    def cast(cls, text: str, prefix: str) -> "Plate":
        """From text rendered with gaps. `prefix` is what the addresses of all signed links begin with."""
        parts = _GAP.split(text)
        texts, gaps = tuple(parts[::3]), tuple(zip(parts[1::3], parts[2::3], strict=True))
        encoded = (quoted(part + prefix * (own is None)) for part, (_, own) in zip(texts, gaps, strict=False))
        return cls(texts, (*encoded, quoted(texts[-1])), gaps)

    @property
    def reads(self) -> Reads:
        """Nothing but links, where it has gaps."""
        return Reads(links=bool(self.gaps))

    @property
    def is_tight(self) -> bool:
        """Whether it begins and ends with something else than white space, for everybody."""
        first, last = self.texts[0], self.texts[-1]
        begins = not first[0].isspace() if first else bool(self.gaps)
        return begins and (not last[-1].isspace() if last else bool(self.gaps))

    @property
    def is_empty(self) -> bool:
        """Whether it prints nothing, for anybody."""
        return self.texts == ("",)

    def printed(self, context: Context, links: TemplateLinks) -> Iterator[str]:
        """The text for one recipient."""
        del context
        yield self.texts[0]
        for (link_id, own), text in zip(self.gaps, self.texts[1:], strict=True):
            yield links[link_id] if own is None else links.own(link_id, own)
            yield text


@dataclass(frozen=True, slots=True)
class Type:
    """Movable type: a template that is set for each recipient. `file` is named when it cannot be; `tidy` is done to what is set."""

    source: str
    html: bool
    file: str = field(compare=False)
    tidy: Callable[[str], str]
    template: Template = field(repr=False, compare=False)

    @property
    def reads(self) -> Reads:
        """What its template reads."""
        return reads_of(self.source)

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


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """Plates and type side by side."""

    parts: tuple[Plate | Type, ...]

    @property
    def plate(self) -> Plate | None:
        """The plate that is all of it, if that is so."""
        (first, *more) = self.parts
        return first if isinstance(first, Plate) and not more else None

    @property
    def may_be_empty(self) -> bool:
        """Whether for somebody it prints nothing."""
        return all(isinstance(part, Type) or part.is_empty for part in self.parts)

    @property
    def reads(self) -> Reads:
        """What its parts read."""
        return reduce(or_, (part.reads for part in self.parts), Reads())

    def printed(self, context: Context, links: TemplateLinks) -> Iterator[str]:
        """The text for one recipient."""
        for part in self.parts:
            yield from part.printed(context, links)


Piece = Plate | Type | Line
