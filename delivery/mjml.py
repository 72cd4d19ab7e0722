"""MJML → HTML, once per content version, through the `mjml` package and around its faults (0.12).

Everything the compiler need not understand is exchanged for an opaque word before it runs and put back afterwards: Jinja (it escapes
`<` in Jinja and drops Jinja between elements), entities and quotes in attributes (it writes them out unescaped), and the whole
content of text elements (its HTML parser rewrites it).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from mjml import mjml_to_html

from delivery.mjml_rules import PLACEMENT
from delivery.mjml_tree import Element, Loose
from delivery.tokens import Tokens
from domain.errors import FinalError

COMPILERS = tuple(f"{name} {version(name)}" for name in ("mjml", "html2text", "jinja2"))
_SPECIAL = re.compile(r"&#?\w+;|[&\"<>]")
_ESCAPES = {"&": "&amp;", '"': "&quot;", "<": "&lt;", ">": "&gt;"}
_RANDOM_ID = re.compile(r'(?<=mj-carousel-)[0-9a-f]{16}|(?<=<input type="checkbox" id=")[0-9a-f]{16}')

Nodes = Sequence[Element | Loose]


class CompileError(FinalError):
    """The compiler gave up on this MJML; its words are in the text."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The words between which things stand in the compiled HTML: a placement's place, and each variant's block within it."""

    places: Mapping[str, tuple[str, str]]
    blocks: Mapping[tuple[str, str], tuple[str, str]]


def compile_mjml(frame: Nodes, blocks: Mapping[str, Mapping[str, Nodes]], tokens: Tokens) -> tuple[str, Marks]:
    """The letter with all variants of all placements one after the other, and where each of them stands.

    `blocks` is by placement and variant. One compilation serves all of them, so that the head has the styles and media queries of
    every block. Words of `tokens` are still in the HTML. Raises CompileError.
    """
    marks = Marks(
        {name: _pair(tokens) for name in blocks}, {(name, v): _pair(tokens) for name, variants in blocks.items() for v in variants}
    )
    source = "".join(_written(node, tokens, blocks, marks) for node in frame)
    try:
        html = mjml_to_html(source).html
    except Exception as error:  # the compiler raises whatever its code happens to run into
        raise CompileError(f"MJML cannot be compiled: {type(error).__name__}: {error}") from error
    return _settled(re.sub(r"\s*\n\s*", "\n", html)), marks


def _pair(tokens: Tokens) -> tuple[str, str]:
    return tokens.put(""), tokens.put("")


def _settled(html: str) -> str:
    """The compiler draws random ids for carousels and menus: the same source shall give the same bytes, so they are numbered."""
    ids = {name: f"{number:016x}" for number, name in enumerate(dict.fromkeys(_RANDOM_ID.findall(html)))}
    return re.sub("|".join(ids), lambda found: ids[found[0]], html) if ids else html


def _written(node: Element | Loose, tokens: Tokens, blocks: Mapping[str, Mapping[str, Nodes]], marks: Marks) -> str:
    """The node as source for the compiler."""
    if isinstance(node, Loose):
        return f"<mj-raw>{node.text}</mj-raw>"
    if node.tag == PLACEMENT:
        return _place(node.get("name") or "", tokens, blocks, marks)
    attributes = "".join(f' {a.name}="{_value(a.value, tokens)}"' for a in node.attributes)
    content = node.content.strip()
    if content and node.tag in ("mj-title", "mj-html-attribute"):  # these end up in attributes too
        content = tokens.restore(_value(tokens.mask(content), tokens))
    inside = tokens.put(content) if content else "".join(_written(child, tokens, blocks, marks) for child in node.children)
    return f"<{node.tag}{attributes}>{inside}</{node.tag}>"


def _place(name: str, tokens: Tokens, blocks: Mapping[str, Mapping[str, Nodes]], marks: Marks) -> str:
    within = [
        _between(marks.blocks[name, variant], "".join(_written(node, tokens, blocks, marks) for node in nodes))
        for variant, nodes in blocks[name].items()
    ]
    return _between(marks.places[name], "".join(within))


def _between(pair: tuple[str, str], inside: str) -> str:
    return f"<mj-raw>{pair[0]}</mj-raw>{inside}<mj-raw>{pair[1]}</mj-raw>"


def _value(value: str, tokens: Tokens) -> str:
    """An attribute's value with whatever HTML gives a meaning to exchanged for words."""
    return _SPECIAL.sub(lambda found: tokens.put(_ESCAPES.get(found[0], found[0])), value)
