"""Cutting the compiled letter at its marks into the frame's chunks and one block per variant."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from delivery.mjml import Marks
from domain.errors import FinalError

_VOID = frozenset(
    (
        *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr", "v:fill"),
        *("o:allowpng", "o:pixelsperinch"),
    )
)
_MAY_STAY_OPEN = frozenset(("p", "li", "dt", "dd", "option", "noinput"))
_TAG = re.compile(r"""<!--.*?-->|<(/?)([a-zA-Z][\w:-]*)((?:"[^"]*"|'[^']*'|[^"'<>])*?)(/?)>""", re.DOTALL)
_SHOWN_TO_ALL = re.compile(r"<!--\[if !mso[^>]*><!-->|<!--<!\[endif\]-->")
_OUTLOOK = re.compile(r"<!--\[if [^\]]*\]>(.*?)<!\[endif\]-->", re.DOTALL)


class CutError(FinalError):
    """A block cannot be cut out: what it opens is not closed within it."""


@dataclass(frozen=True, slots=True)
class Cut:
    """`chunks[i]` is followed by the place `places[i]`; `blocks` is by placement and variant. HTML with words for Jinja."""

    chunks: tuple[str, ...]
    places: tuple[str, ...]
    blocks: Mapping[tuple[str, str], str]


def cut(html: str, marks: Marks) -> Cut:
    """Cut at the marks. A place that is marked in the source is always found: the compiler keeps what stands in <mj-raw>."""
    blocks = {key: _inside(html, pair).strip() for key, pair in marks.blocks.items()}
    places = sorted(marks.places, key=lambda name: html.index(marks.places[name][0]))
    chunks, at = [], 0
    for name in places:
        opening, closing = marks.places[name]
        chunks.append(html[at : html.index(opening)])
        at = html.index(closing) + len(closing)
    return Cut((*chunks, html[at:]), tuple(places), blocks)


def _inside(html: str, pair: tuple[str, str]) -> str:
    return html[html.index(pair[0]) + len(pair[0]) : html.index(pair[1])]


def check_balanced(html: str) -> None:
    """Whether every tag is closed where it was opened, both as Outlook reads the HTML and as everyone else does. Raises CutError."""
    plain = _SHOWN_TO_ALL.sub("", html)
    if plain.count("<!--") != plain.count("-->") or plain.count("<!--[if") != plain.count("<![endif]-->"):
        raise CutError("a comment or an Outlook condition is not closed")
    for reader, text in (("", _OUTLOOK.sub("", plain)), (" as Outlook reads it", _OUTLOOK.sub(r"\1", plain))):
        for complaint in _complaints(text):
            raise CutError(complaint + reader)


def _complaints(html: str) -> Iterator[str]:
    stack: list[str] = []
    for found in _TAG.finditer(html):
        tag = (found[2] or "").lower()
        if not tag or tag in _VOID or found[4]:
            continue
        if not found[1]:
            stack.append(tag)
            continue
        while stack and stack[-1] != tag and stack[-1] in _MAY_STAY_OPEN:
            stack.pop()
        if not stack or stack[-1] != tag:
            if tag not in _MAY_STAY_OPEN:
                yield f"</{tag}> closes nothing" if tag not in stack else f"<{stack[-1]}> is not closed before </{tag}>"
            continue
        stack.pop()
    if left := [tag for tag in stack if tag not in _MAY_STAY_OPEN]:
        yield f"<{left[-1]}> is never closed"
