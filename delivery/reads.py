"""What a template reads that can differ between the recipients of a send, told from its source."""

from dataclasses import dataclass
from functools import lru_cache

from jinja2 import nodes

from delivery.jinja import LINKS, environment
from delivery.own_links import MADE_FOR_EACH

_PARSER = environment(html=True)
_COLUMNS = "recipient"


@dataclass(frozen=True, slots=True)
class Reads:
    """Columns of the recipient (None: that cannot be told), and names whose values are made for each letter."""

    columns: frozenset[str] | None = frozenset()
    preheader: bool = False
    unsubscribe_url: bool = False  # or another link of ours
    links: bool = False

    def __or__(self, other: "Reads") -> "Reads":
        columns = None if self.columns is None or other.columns is None else self.columns | other.columns
        leaves = self.unsubscribe_url or other.unsubscribe_url
        return Reads(columns, self.preheader or other.preheader, leaves, self.links or other.links)


@lru_cache(4_096)
def reads_of(source: str) -> Reads:
    """What a template reads. Its syntax is right: it was checked when it was compiled."""
    parsed = _PARSER.parse(source)
    names = [name.name for name in parsed.find_all(nodes.Name)]
    parts: tuple[nodes.Getattr | nodes.Getitem, ...] = (*parsed.find_all(nodes.Getattr), *parsed.find_all(nodes.Getitem))
    columns = [_column(node) for node in parts]
    found = frozenset(column for column in columns if column is not None)
    whole = names.count(_COLUMNS) > sum(column is not None for column in columns)  # used otherwise than by a column's name
    links = LINKS in names or any(used.name == "_link" for used in parsed.find_all(nodes.Filter))
    return Reads(None if whole else found, "preheader" in names, not MADE_FOR_EACH.isdisjoint(names), links)


def _column(node: nodes.Getattr | nodes.Getitem) -> str | None:
    """The column in `recipient.column` or `recipient["column"]`."""
    if not isinstance(node.node, nodes.Name) or node.node.name != _COLUMNS:
        return None
    if isinstance(node, nodes.Getattr):
        return node.attr
    return node.arg.value if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str) else None
