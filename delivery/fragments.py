"""Fragments: the HTML of a variant as pages show it, the same for everybody, and what cannot stand in one.

A fragment goes into other people's pages as it is. What is refused is what would run there, what a browser may read in another way
than we do (raw text, comments, tags that are never finished), and what does not close what it opens. The files are written by
colleagues: this guards against accidents and against content that came from elsewhere, not against the authors of the site.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser

from jinja2 import TemplateSyntaxError

from delivery.jinja_check import PERSONAL, names_in
from domain.errors import Mistake

MOST = 65_536  # bytes of UTF-8: a block of a page, not a page
_VOID = frozenset(("area", "br", "col", "embed", "hr", "img", "input", "source", "track", "wbr"))
_MAY_STAY_OPEN = frozenset(("p", "li", "dt", "dd", "option"))
_ACTIVE = frozenset(("script", "iframe", "frame", "frameset", "object", "embed", "applet", "portal", "fencedframe"))
_OF_PAGES = frozenset(("html", "head", "body", "title", "base", "meta", "link"))
_RAW = frozenset(("textarea", "noscript", "noembed", "noframes", "xmp", "plaintext", "listing", "template", "math"))
_WORDS = frozenset(("alt", "title", "class", "id", "placeholder", "content", "label", "value"))  # attributes that are no addresses
_RUNS = re.compile(r"(?:^|[;,])(?:javascript|vbscript|data:text/html)")
_UNSEEN = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\ufeff]+")
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|\{\{|\{%|\{#", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Fragment:
    """A fragment as it is published, and the texts that stand in for its pictures."""

    html: str
    alt: tuple[str, ...]


def read_fragment(text: str) -> Fragment:
    """The fragment of a text that `check_fragment` has nothing to say about; space around it goes."""
    reader = _read(text)
    return Fragment(text.strip(), tuple(reader.alt))


def check_fragment(text: str, file: str) -> list[Mistake]:
    """Every mistake in a fragment whose first line is the file's first line."""
    found = [Mistake(what, file, line, hint) for line, what, hint in (*_size(text), *_jinja(text), *_read(text).found)]
    return sorted(found, key=lambda mistake: mistake.line or 0)


Found = tuple[int, str, str | None]


def _size(text: str) -> Iterator[Found]:
    if not text.strip():
        yield 1, "there is nothing in it", None
    if (size := len(text.strip().encode())) > MOST:
        yield 1, f"a fragment of {size:,} bytes", f"at most {MOST:,}: pictures go into files of their own"


def _jinja(text: str) -> Iterator[Found]:
    """A fragment is the same for everybody, and published before anybody asks for it: nothing is left to fill in."""
    for found in _JINJA.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        if personal := sorted(_names(found[0]) & PERSONAL):
            yield (
                line,
                f"{personal[0]!r} cannot stand in a fragment: it is the same for everybody",
                "let `where` decide who gets which variant",
            )
        else:
            yield line, f"{found[0][:40]!r} would be published as it stands", "write it out: nothing is filled in for pages"


def _names(text: str) -> frozenset[str]:
    """What a piece of Jinja names, as far as it can be read."""
    try:
        return names_in(text)
    except TemplateSyntaxError:
        return frozenset(re.findall(r"\w+", text))


def _read(text: str) -> "_Reader":
    reader = _Reader()
    reader.feed(text)
    reader.finish()
    return reader


@dataclass(slots=True)
class _Open:
    tag: str
    line: int


class _Reader(HTMLParser):
    """Reads a fragment tag by tag. Character references stay as they are: `&lt;` is no tag."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.found = list[Found]()
        self.alt = list[str]()
        self._open = list[_Open]()

    @property
    def line(self) -> int:
        """Where the reader stands."""
        return self.getpos()[0]

    def finish(self) -> None:
        """The end of the text: what is open by now stays open."""
        if self.rawdata.startswith("<"):
            self._say("a tag is not finished", "close it with >, or write &lt;")
        self.rawdata = ""
        self.close()
        for left in self._open:
            if left.tag not in _MAY_STAY_OPEN:
                self.found.append((left.line, f"<{left.tag}> is never closed", None))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._refuse_tag(tag)
        self._refuse_attributes(tag, attrs)
        if tag == "img":
            self._note_picture(dict(attrs))
        if tag not in _VOID:
            self._open.append(_Open(tag, self.line))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """`<br/>` is void anyway; `<div/>` is not closed for a browser, but within SVG it is."""
        self.handle_starttag(tag, attrs)
        if tag not in _VOID and any(one.tag == "svg" for one in self._open):
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open[-1].tag != tag and self._open[-1].tag in _MAY_STAY_OPEN:
            self._open.pop()
        if self._open and self._open[-1].tag == tag:
            self._open.pop()
        elif tag not in _MAY_STAY_OPEN:
            opened = [one.tag for one in self._open]
            self._say(f"<{opened[-1]}> is not closed before </{tag}>" if tag in opened else f"</{tag}> closes nothing")
            if tag in opened:  # say it once
                del self._open[len(opened) - 1 - opened[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        if "<" in data:
            self._say("a < that begins no tag", "write &lt;")

    def handle_comment(self, data: str) -> None:  # noqa: ARG002 - the parser's signature
        self._say("a comment would be published with it", "delete it")

    def handle_decl(self, decl: str) -> None:
        self._say(f"<!{decl[:20]}> is for pages", "a fragment goes into one")

    def unknown_decl(self, data: str) -> None:
        self._say(f"<![{data[:20]} cannot stand in a fragment", "write plain HTML")

    def handle_pi(self, data: str) -> None:
        self._say(f"<?{data[:20]} cannot stand in a fragment", "write plain HTML")

    def _refuse_tag(self, tag: str) -> None:
        if tag in _ACTIVE:
            self._say(f"<{tag}> would run in the reader's page", "a fragment is text, pictures and links")
        elif tag in _OF_PAGES:
            self._say(f"<{tag}> is for pages", "a fragment goes into one; styles stand in `style` or in classes of the page")
        elif tag in _RAW:
            self._say(f"<{tag}> cannot stand in a fragment", "browsers read what is in it in ways of their own")

    def _refuse_attributes(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            bare = _UNSEEN.sub("", value or "").lower()
            if name.startswith("on"):
                self._say(f"{name} of <{tag}> would run in the reader's page", "clicks are reported without it")
            elif name == "srcdoc":
                self._say(f"srcdoc of <{tag}> would run in the reader's page", "delete it")
            elif name not in _WORDS and not name.startswith(("aria-", "data-")) and _RUNS.search(bare):
                self._say(f"{name} of <{tag}> would run in the reader's page", "write an address that begins with https:// or /")

    def _note_picture(self, attrs: dict[str, str | None]) -> None:
        if "alt" not in attrs:
            self._say("a picture without alt", 'say what it shows, or alt="" if it only decorates')
        elif attrs["alt"]:
            self.alt.append(attrs["alt"])

    def _say(self, what: str, hint: str | None = None) -> None:
        self.found.append((self.line, what, hint))
