"""What can be said of a template before anybody's letter is printed: syntax, names, columns, and what is not allowed."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from jinja2 import TemplateSyntaxError, nodes

from delivery.file_models import nearest
from delivery.jinja import environment
from delivery.own_links import MADE_FOR_EACH
from domain.errors import InvalidInput, Mistake

# What a template can name, and the columns of each; recipient's are those of the database, known or not.
CAMPAIGN_COLUMNS = frozenset(("name", "title", "postal_address", "sender"))
SEND_COLUMNS = frozenset(("name", "date", "year"))
_VALUES = frozenset(("preheader",)) | MADE_FOR_EACH
_GLOBALS = frozenset(("range", "loop"))
PERSONAL = frozenset(("recipient", "preheader")) | MADE_FOR_EACH  # names whose values differ between recipients of a send
_DEEPEST_LOOPS = 2

_REFUSED: tuple[tuple[type[nodes.Node], str, str], ...] = (
    (nodes.Include, "{% include %}", "a block is one file"),
    (nodes.Extends, "{% extends %}", "letter.mjml is the frame of all blocks"),
    (nodes.Block, "{% block %}", "letter.mjml is the frame of all blocks"),
    (nodes.Import, "{% import %}", "a block is one file"),
    (nodes.FromImport, "{% from … import %}", "a block is one file"),
    (nodes.Macro, "{% macro %}", "write it out"),
    (nodes.CallBlock, "{% call %}", "write it out"),
    (nodes.EvalContextModifier, "{% autoescape %}", "values are always escaped in HTML and never in text"),
)
_author = environment(html=True)
del _author.filters["_link"]


@dataclass(frozen=True, slots=True)
class Known:
    """The columns that `recipient` has; None when nobody knows (no database)."""

    columns: frozenset[str] | None = None

    @classmethod
    def of(cls, columns: Collection[str] | None) -> "Known":
        """From any collection of names, or None."""
        return cls(None if columns is None else frozenset(columns))


def check_template(source: str, file: str, known: Known) -> list[Mistake]:
    """Every mistake in a template whose first line is the file's first line. Raises InvalidInput when it is no Jinja at all."""
    try:
        parsed = _author.parse(source)
        found = [Mistake(what, file, line, hint) for line, what, hint in (*_refused(parsed), *_names(parsed, known))]
        _author.compile(source)
    except TemplateSyntaxError as error:
        raise InvalidInput([Mistake(f"not valid Jinja: {error.message}", file, error.lineno, _advice(error))]) from None
    return sorted(found, key=lambda mistake: mistake.line or 0)


def names_in(source: str) -> frozenset[str]:
    """The names a template reads from outside (compiled sources included)."""
    return frozenset(name.name for name in _author.parse(source).find_all(nodes.Name) if name.ctx == "load")


def is_personal(source: str) -> bool:
    """Whether what the template prints can differ between two recipients of a send."""
    return not PERSONAL.isdisjoint(names_in(source))


def _advice(error: TemplateSyntaxError) -> str | None:
    if found := re.match(r"No (filter|test) named '(.*?)'", error.message or ""):
        return nearest(found[2], set(_author.filters if found[1] == "filter" else _author.tests))
    return None


def _refused(parsed: nodes.Template) -> Iterator[tuple[int, str, str]]:
    for kind, name, hint in _REFUSED:
        for node in parsed.find_all(kind):
            yield node.lineno, f"{name} is not allowed in a letter", hint
    for loop in parsed.find_all(nodes.For):
        if loop.recursive or _depth(loop) > _DEEPEST_LOOPS:
            yield loop.lineno, f"loops are nested deeper than {_DEEPEST_LOOPS}, or recursive", "write it out"


def _depth(loop: nodes.For) -> int:
    return 1 + max((_depth(inner) for child in loop.iter_child_nodes() for inner in _loops(child)), default=0)


def _loops(node: nodes.Node) -> Iterator[nodes.For]:
    """The outermost loops in a node, itself included."""
    if isinstance(node, nodes.For):
        yield node
    else:
        for child in node.iter_child_nodes():
            yield from _loops(child)


def _names(parsed: nodes.Template, known: Known) -> Iterator[tuple[int, str, str | None]]:
    """Unknown names, unknown columns, and `recipient` or another set of columns used as a whole."""
    columns = {"recipient": known.columns, "campaign": CAMPAIGN_COLUMNS, "send": SEND_COLUMNS}
    own = {name.name for name in parsed.find_all(nodes.Name) if name.ctx in ("store", "param")}
    looked_up: tuple[nodes.Getattr | nodes.Getitem, ...] = (*parsed.find_all(nodes.Getattr), *parsed.find_all(nodes.Getitem))
    used = [node for node in looked_up if _is_columns(node, columns, own)]
    parts = {id(node.node) for node in used}
    for node in used:
        yield from _column(node, columns)
    for name in parsed.find_all(nodes.Name):
        if name.name.startswith("_"):
            yield name.lineno, f"{name.name!r} is not known here", "names that begin with _ are Letterpress's own"
        elif name.ctx == "load" and name.name not in own | _VALUES | _GLOBALS:
            yield from _whole(name, columns, is_part=id(name) in parts)


def _is_columns(node: nodes.Getattr | nodes.Getitem, columns: dict[str, frozenset[str] | None], own: set[str]) -> bool:
    return isinstance(node.node, nodes.Name) and node.node.name in columns and node.node.name not in own


def _whole(name: nodes.Name, columns: dict[str, frozenset[str] | None], *, is_part: bool) -> Iterator[tuple[int, str, str | None]]:
    if name.name not in columns:
        yield name.lineno, f"{name.name!r} is not known here", nearest(name.name, set(columns) | _VALUES)
    elif not is_part:
        yield name.lineno, f"{name.name} cannot be printed as a whole", f"name a column: {name.name}.…"


def _column(node: nodes.Getattr | nodes.Getitem, columns: dict[str, frozenset[str] | None]) -> Iterator[tuple[int, str, str | None]]:
    assert isinstance(node.node, nodes.Name)  # noqa: S101 - for the type checker
    have = columns[node.node.name]
    if isinstance(node, nodes.Getattr):
        asked: object = node.attr
    else:
        asked = node.arg.value if isinstance(node.arg, nodes.Const) else None
    if not isinstance(asked, str):
        yield node.lineno, f"a column of {node.node.name} is named by a value", f"write {node.node.name}.…"
    elif have is not None and asked not in have:
        yield node.lineno, f"{node.node.name} has no column {asked!r}", nearest(asked, set(have))
