"""A letter's HTML as its reader meets it: what can be seen, what can be clicked, which pictures there are.

Styles that stand on the elements count, as mail programs without style sheets see them; `<style>` is not read.
"""

import re
from dataclasses import dataclass
from html.parser import HTMLParser

_VOID = frozenset(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"])
_UNREAD = frozenset(["style", "script", "title", "head", "noscript", "template"])
_ACTIVE = frozenset(["script", "form", "iframe", "object", "embed", "applet"])
_INLINE = frozenset(
    ["a", "abbr", "b", "big", "code", "del", "em", "font", "i", "img", "ins", "mark", "s", "small", "span", "strong", "sub", "sup", "u"]
)
_HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|(?<![-\w])opacity\s*:\s*0(?:\.0+)?\s*(?:;|$)", re.IGNORECASE)
_FONT_SIZE = re.compile(r"(?<![-\w])font-size\s*:\s*([\d.]+)", re.IGNORECASE)
_PADDING = re.compile(r"[\s\u00ad\u034f\u200b-\u200f\u2060\ufeff]+")  # what preview texts are filled up with
_LEAST_SIZE = 2.0  # a font size below this is none


@dataclass(frozen=True, slots=True)
class Anchor:
    """A link that can be seen: where it leads, and its words or its picture's."""

    href: str
    label: str


@dataclass(frozen=True, slots=True)
class Page:
    """`text` is all that is seen, `preview` the hidden text in front of it, `active` the elements that mail programs cut out."""

    text: str
    preview: str
    anchors: tuple[Anchor, ...]
    images: int
    active: frozenset[str]

    @property
    def words(self) -> int:
        """How many words can be read."""
        return len(self.text.split())


@dataclass(frozen=True, slots=True)
class _Element:
    tag: str
    hidden: bool
    tiny: bool


class _Reader(HTMLParser):
    """Reads HTML front to back. Elements that are left open end with their parents."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[str] = []
        self.unseen: list[str] = []
        self.anchors: list[Anchor] = []
        self.images = 0
        self._begun = False  # whether anything was seen
        self.active: set[str] = set()
        self._open: list[_Element] = [_Element("", hidden=False, tiny=False)]
        self._href: str | None = None
        self._label: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        element = self._element(tag, given)
        if tag in _ACTIVE:
            self.active.add(tag)
        if tag == "img" and not element.hidden:
            self.images += 1
            self._label.append(given.get("alt") or "")
        if tag not in _VOID:
            self._open.append(element)
        self._break_before(tag)
        if tag == "a" and given.get("href") and not element.hidden:
            self._href, self._label = given["href"], []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._href:
            self.anchors.append(Anchor(self._href, _joined(self._label)))
            self._href = None
        self._break_before(tag)
        places = [place for place, element in enumerate(self._open) if element.tag == tag and place]
        if places:
            del self._open[places[-1] :]

    def handle_data(self, data: str) -> None:
        within = self._open[-1]
        if within.tag in _UNREAD:
            return
        if within.hidden or within.tiny:
            self.unseen += [] if self._begun else [data]
            return
        self._begun = self._begun or not data.isspace()
        self.seen.append(data)
        self._label.append(data)

    def _break_before(self, tag: str) -> None:
        """Words on either side of what is no part of a line are apart."""
        if tag not in _INLINE:
            self.seen.append(" ")
            self._label.append(" ")

    def _element(self, tag: str, given: dict[str, str | None]) -> _Element:
        style, within = given.get("style") or "", self._open[-1]
        size = _FONT_SIZE.findall(style)
        tiny = float(size[-1].strip(".") or 0) < _LEAST_SIZE and "em" not in style if size else within.tiny
        return _Element(tag, within.hidden or tag in _UNREAD or "hidden" in given or _HIDING.search(style) is not None, tiny)


def read_page(html: str) -> Page:
    """What a reader meets. Never raises."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return Page(_joined(reader.seen), _joined(reader.unseen), tuple(reader.anchors), reader.images, frozenset(reader.active))


def _joined(texts: list[str]) -> str:
    """The texts as one line, without what only fills."""
    return _PADDING.sub(" ", "".join(texts)).strip()
