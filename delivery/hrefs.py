"""Finding the links of compiled HTML, naming them, and putting a place for the signed link where each address stood."""

import re
from dataclasses import dataclass
from html import unescape

from delivery.jinja_check import names_in
from delivery.own_links import MADE_FOR_EACH
from delivery.tokens import Tokens
from domain.content import Link
from domain.ids import PlacementId, VariantId, digest

_ANCHOR = re.compile(r"""<(?:a|area)\s(?:"[^"]*"|'[^']*'|[^"'<>])*>""", re.IGNORECASE)
_HREF = re.compile(r"""(?<=\s)href\s*=\s*("[^"]*"|'[^']*')""", re.IGNORECASE)
_TRACKED = re.compile(r"https?://[^\s/]", re.IGNORECASE)
_LEFT_ALONE = re.compile(r"(?:mailto|tel|sms):|#", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Linked:
    """HTML whose links are `{{ _links["<id>"] }}` (the same address for all) or `{% filter _link("<id>") %}…{% endfilter %}`.

    `refused` are addresses that lead nowhere from a letter.
    """

    html: str
    links: tuple[Link, ...]
    refused: tuple[str, ...]


def link_id_of(placement: PlacementId | None, variant: VariantId | None, ordinal: int) -> str:
    """8 hex digits for a link's place: the same as long as its block's links keep their order."""
    return digest("link", placement or "", variant or "", str(ordinal))[:8]


def number_links(html: str, placement: PlacementId | None, variant: VariantId | None, salt: str) -> Linked:
    """Name every link of a block (or of the frame: placement and variant None). mailto:, tel:, sms:, # and unsubscribe stay as they are."""
    tokens, links, refused = Tokens(salt), list[Link](), list[str]()

    def replace(found: re.Match[str]) -> str:
        written = found[1][1:-1].strip()
        kind = _kind_of(unescape(written), tokens)
        if kind == "refused":
            refused.append(unescape(tokens.restore(written)))
        if kind in ("refused", "left alone"):
            return found[0]
        ordinal = len(links) + 1
        url = tokens.restore(written) if kind == "dynamic" else unescape(written)
        links.append(Link(link_id_of(placement, variant, ordinal), url, ordinal, placement, variant, kind == "dynamic"))
        return f'href="{_slot(links[-1])}"'

    masked = _ANCHOR.sub(lambda anchor: _HREF.sub(replace, anchor[0]), tokens.mask(html))
    return Linked(tokens.restore(masked), tuple(links), tuple(refused))


def _slot(link: Link) -> str:
    if link.dynamic:
        return f'{{% filter _link("{link.link_id}") %}}{link.url}{{% endfilter %}}'
    return f'{{{{ _links["{link.link_id}"] }}}}'


def _kind_of(url: str, tokens: Tokens) -> str:
    if _LEFT_ALONE.match(url):
        return "left alone"
    if tokens.in_text(url):
        ours = not MADE_FOR_EACH.isdisjoint(names_in(tokens.restore(url)))
        return "left alone" if ours else "dynamic"
    return "static" if _TRACKED.match(url) else "refused"


def frame_links(chunks: tuple[str, ...], salt: str) -> tuple[tuple[str, ...], Linked]:
    """`number_links` for the frame's chunks, numbered through."""
    glue = "\x00"  # no source holds a control character
    linked = number_links(glue.join(chunks), None, None, salt)
    return tuple(linked.html.split(glue)), linked
