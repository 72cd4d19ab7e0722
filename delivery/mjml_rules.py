"""What may stand where in MJML, and what its attributes may say.

The compiler raises KeyError for an unknown element and says nothing of an unknown attribute, a value it cannot use or an element in
the wrong place. So this is checked before it runs. Attribute types come from the compiler's own tables; parents from MJML's
documentation.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache

from mjml.core.registry import components, register_core_components

from delivery.file_models import nearest
from delivery.mjml_tree import Element, Loose
from delivery.tokens import Tokens
from domain.errors import Mistake

PLACEMENT = "lp-placement"  # the marked place: <lp-placement name="hero" />
# Where a block can be cut out whole. Not a section or a group: columns there share the width among themselves.
CUTTABLE = frozenset(("mj-body", "mj-wrapper", "mj-column", "mj-hero"))

_CONTENT = "mj-accordion mj-button mj-carousel mj-divider mj-image mj-navbar mj-raw mj-social mj-spacer mj-table mj-text"
_CHILDREN: Mapping[str, frozenset[str]] = {
    parent: frozenset(children.split())
    for parent, children in {
        "mjml": "mj-head mj-body",
        "mj-head": "mj-attributes mj-breakpoint mj-font mj-html-attributes mj-preview mj-raw mj-style mj-title",
        "mj-html-attributes": "mj-selector",
        "mj-selector": "mj-html-attribute",
        "mj-body": f"mj-section mj-wrapper mj-hero mj-raw {PLACEMENT}",
        "mj-wrapper": f"mj-section mj-hero mj-raw {PLACEMENT}",
        "mj-section": "mj-column mj-group mj-raw",
        "mj-group": "mj-column mj-raw",
        "mj-column": f"{_CONTENT} {PLACEMENT}",
        "mj-hero": f"{_CONTENT} {PLACEMENT}",
        "mj-accordion": "mj-accordion-element mj-raw",
        "mj-accordion-element": "mj-accordion-title mj-accordion-text mj-raw",
        "mj-carousel": "mj-carousel-image mj-raw",
        "mj-navbar": "mj-navbar-link mj-raw",
        "mj-social": "mj-social-element mj-raw",
    }.items()
}
_UNREAD = {"mj-include": "copy what it includes: a content version is made of the campaign folder alone"}

# What the compiler's tables leave out.
_SIZE, _COLOUR, _DIRECTION = "unit(px,%)", "color", "enum(ltr,rtl)"
_VERTICAL = "enum(top,bottom,middle)"
_MORE: Mapping[str, Mapping[str, str]] = {
    "mjml": {"lang": "string", "dir": "enum(ltr,rtl,auto)", "owa": "string"},
    "mj-body": {"width": "unit(px)", "background-color": _COLOUR},
    "mj-group": {"background-color": _COLOUR, "direction": _DIRECTION, "vertical-align": _VERTICAL, "width": _SIZE},
    "mj-selector": {"path": "string"},
    "mj-html-attribute": {"name": "string"},
    "mj-wrapper": {"gap": "unit(px)"},
    "mj-image": {"full-width": "enum(full-width)"},
    "mj-style": {"inline": "string"},
    "mj-raw": {"position": "string"},
    "mj-table": {"role": "string"},
    PLACEMENT: {"name": "string"},
}
_UNIT = r"-?\d+(?:\.\d+)?"
_COLOUR_VALUE = re.compile(r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})|[a-z]+(?:\([^()]*\))?", re.IGNORECASE)


@cache
def attributes_of(tag: str) -> Mapping[str, str]:
    """The attributes of an element and their types, such as `unit(px,%)`; empty for one that is unknown."""
    register_core_components()
    own = {name: kind or "string" for name, kind in components[tag].allowed_attrs().items()} if tag in components else {}
    in_body = {"css-class": "string", "mj-class": "string"} if tag in components else {}
    return {**in_body, **own, **_MORE.get(tag, {})}


@cache
def _elements() -> frozenset[str]:
    register_core_components()
    return frozenset(components) | {PLACEMENT, "mjml", "mj-selector", "mj-html-attribute"}


def check_mjml(nodes: list[Element | Loose], parent: str, file: str, tokens: Tokens) -> list[Mistake]:
    """Every mistake in the elements that stand in `parent`."""
    return [mistake for node in nodes for mistake in _check(node, parent, file, tokens)]


def _check(node: Element | Loose, parent: str, file: str, tokens: Tokens) -> Iterator[Mistake]:
    if isinstance(node, Loose):
        if tokens.pattern.sub("", node.text).strip():
            yield Mistake(f"text stands directly in <{parent}>", file, node.line, "put it into <mj-text>")
        elif parent not in ("mj-body", "mj-wrapper", "mj-section", "mj-group", "mj-column", "mj-hero"):
            yield Mistake(f"Jinja cannot stand directly in <{parent}>", file, node.line)
        return
    if node.tag not in _elements():
        yield Mistake(f"unknown element <{node.tag}>", file, node.line, _UNREAD.get(node.tag) or _hint(node.tag, parent))
        return
    if node.tag not in _CHILDREN.get(parent, frozenset()):
        yield Mistake(f"<{node.tag}> cannot stand in <{parent}>", file, node.line, _place(node.tag))
    yield from _attribute_mistakes(node, node.tag, file, tokens)
    if node.tag == "mj-attributes":
        yield from _defaults(node, file, tokens)
    else:
        yield from check_mjml(node.children, node.tag, file, tokens)


def _hint(tag: str, parent: str) -> str:
    if tag.startswith("mj"):
        return nearest(tag, set(_elements()))
    return f"HTML stands in <mj-text>, <mj-table> or <mj-raw>, not directly in <{parent}>"


def _place(tag: str) -> str:
    if tag == PLACEMENT:
        return (
            "a block can be cut out of "
            + ", ".join(f"<{parent}>" for parent in sorted(CUTTABLE))
            + "; columns of a section share one width"
        )
    return "it stands in " + ", ".join(f"<{parent}>" for parent, children in _CHILDREN.items() if tag in children)


def _defaults(node: Element, file: str, tokens: Tokens) -> Iterator[Mistake]:
    """<mj-attributes>: its children are named after elements, or are <mj-all> and <mj-class name="…">."""
    for child in node.children:
        if isinstance(child, Loose):
            yield Mistake("text stands directly in <mj-attributes>", file, child.line)
        elif child.tag in ("mj-all", "mj-class"):
            if child.tag == "mj-class" and not child.get("name"):
                yield Mistake("<mj-class> needs a name", file, child.line)
            yield from _attribute_mistakes(child, None, file, tokens)
        elif child.tag not in _elements():
            yield Mistake(f"unknown element <{child.tag}>", file, child.line, _hint(child.tag, "mj-attributes"))
        else:
            yield from _attribute_mistakes(child, child.tag, file, tokens)


def _attribute_mistakes(node: Element, tag: str | None, file: str, tokens: Tokens) -> Iterator[Mistake]:
    """Unknown attributes, and values the compiler cannot use. `tag` None: any element's attributes are known."""
    known = attributes_of(tag) if tag else _any_attributes() | ({"name": "string"} if node.tag == "mj-class" else {})
    for attribute in node.attributes:
        kind = known.get(attribute.name)
        if kind is None:
            what = f"<{node.tag}> has no attribute {attribute.name!r}"
            yield Mistake(what, file, attribute.line, nearest(attribute.name, dict(known)))
        elif tokens.in_text(attribute.value):
            if _needs_constant(attribute.name, kind):
                hint = "the layout is computed once for everyone; use two elements in {% if %} … {% else %} … {% endif %}"
                yield Mistake(f"{attribute.name} cannot hold Jinja", file, attribute.line, hint)
        elif not _fits(attribute.value, kind):
            yield Mistake(f'{attribute.name}="{attribute.value}" is not what it takes', file, attribute.line, f"expected {kind}")
    if node.tag == "mj-style" and node.get("inline"):
        yield Mistake("inline styles are not supported", file, node.line, "write them as attributes, or as style=… on your own HTML")


@cache
def _any_attributes() -> dict[str, str]:
    return {name: kind for tag in _elements() for name, kind in attributes_of(tag).items()}


def _needs_constant(name: str, kind: str) -> bool:
    """Whether the compiler computes with the value: sizes, choices, borders (their width) and class names it looks up."""
    is_border = name.startswith(("border", "inner-border")) and not name.endswith("color")
    return kind.startswith(("unit", "enum", "integer", "boolean")) or is_border or name in ("mj-class", "name", "path", "inline")


def _fits(value: str, kind: str) -> bool:
    name, _, inside = kind.partition("(")
    choices = inside.partition(")")[0].split(",")
    if name == "enum":
        return value in choices
    if name == "color":
        return value == "" or _COLOUR_VALUE.fullmatch(value.strip()) is not None
    if name == "integer":
        return value.isdecimal()
    if name.startswith("unit"):
        parts = value.split()
        return 1 <= len(parts) <= (4 if kind.endswith("{1,4}") else 1) and all(_is_unit(part, choices) for part in parts)
    return True


def _is_unit(text: str, units: list[str]) -> bool:
    """`10px`, `50%`, `0`, and `auto` or a bare number where the type says so."""
    if text in ("0", "auto") and (text == "0" or "auto" in units):
        return True
    found = re.fullmatch(rf"{_UNIT}(\D*)", text)
    return found is not None and found[1] in (*units, "em")
