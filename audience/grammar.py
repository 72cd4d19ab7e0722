"""What an expression may be made of: a list of what is allowed, so that whatever DuckDB or sqlglot learn next is refused.

Everything allowed is a scalar function of one recipient's columns, without side effects and with the same answer every
time it is asked. Subqueries, aggregates, windows, table functions, the clock, chance, files, settings and sequences are
not on the list.
"""

from collections.abc import Callable, Iterator

from sqlglot import exp

from audience.columns import AS_OF, Columns
from domain.errors import Mistake

Node = exp.Expr
At = Callable[[Node, str, str | None], Mistake]

_LOGIC: tuple[type[Node], ...] = (exp.And, exp.Or, exp.Not, exp.Paren, exp.Case, exp.If, exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least)
_COMPARISON: tuple[type[Node], ...] = (
    *(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Is, exp.In, exp.Between),
    *(exp.Like, exp.ILike, exp.SimilarTo, exp.Glob, exp.Escape, exp.RegexpLike, exp.RegexpILike, exp.RegexpFullMatch),
)
_VALUES: tuple[type[Node], ...] = (
    *(exp.Column, exp.Identifier, exp.Literal, exp.RawString, exp.Boolean, exp.Null, exp.Interval, exp.Var),
    *(exp.Cast, exp.TryCast, exp.DataType, exp.DataTypeParam),
)
_NUMERIC: tuple[type[Node], ...] = (
    *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Pow, exp.Neg, exp.Abs, exp.Ceil, exp.Floor, exp.Round),
    *(exp.Trunc, exp.Sign, exp.Sqrt, exp.Ln, exp.Log, exp.Exp, exp.IsNan),
)
_STRING: tuple[type[Node], ...] = (
    *(exp.DPipe, exp.Concat, exp.ConcatWs, exp.Lower, exp.Upper, exp.Trim, exp.Length, exp.Left, exp.Right, exp.Substring),
    *(exp.SplitPart, exp.StrPosition, exp.Contains, exp.StartsWith, exp.EndsWith, exp.Replace, exp.Reverse, exp.Levenshtein),
    *(exp.RegexpExtract, exp.RegexpReplace),
)
_TEMPORAL: tuple[type[Node], ...] = (
    *(exp.DateDiff, exp.DateAdd, exp.TimestampTrunc, exp.DateTrunc, exp.Extract, exp.Year, exp.Quarter, exp.Month, exp.Week, exp.Day),
    *(exp.DayOfMonth, exp.DayOfYear, exp.DayOfWeek, exp.DayOfWeekIso, exp.Dayname, exp.Monthname, exp.Hour, exp.Minute, exp.LastDay),
    *(exp.ToDays, exp.TimeToStr, exp.StrToTime, exp.Date, exp.DateFromParts),
)
_NODES = frozenset((*_LOGIC, *_COMPARISON, *_VALUES, *_NUMERIC, *_STRING, *_TEMPORAL))

# Functions that sqlglot has no class for.
_NAMED = frozenset(
    (
        *("date_part", "datepart", "date_sub", "datesub", "isfinite", "prefix", "strip_accents", "strlen", "suffix"),
        *("to_hours", "to_months", "to_weeks", "to_years", "try_strptime", "weekday"),
    )
)

_TYPES = frozenset(
    ("TEXT", "VARCHAR", "BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL", "DATE", "TIME", "TIMESTAMPNTZ")
)

_CLOCK: tuple[type[Node], ...] = (
    *(exp.CurrentDate, exp.CurrentTime, exp.CurrentTimestamp, exp.CurrentDatetime, exp.Localtime, exp.Localtimestamp),
)
_CLOCK_NAMES = frozenset(("now", "get_current_timestamp", "get_current_time", "transaction_timestamp", "age", "current_localtimestamp"))
_CHANCE: tuple[type[Node], ...] = (exp.Rand, exp.Randn, exp.Uuid)
_SHOWN = 60  # characters of an expression in a message
_QUERY: tuple[type[Node], ...] = (exp.Query, exp.Subquery, exp.Exists)


def refusals(root: Node, columns: Columns, at: At) -> Iterator[Mistake]:
    """Every mistake in the tree below `root`, outermost first; nothing below a refused node is looked at."""
    reason = _refusal(root, columns, at)
    if reason is not None:
        yield reason
    elif not isinstance(root, exp.Column):
        for child in root.iter_expressions():
            yield from refusals(child, columns, at)


def _refusal(node: Node, columns: Columns, at: At) -> Mistake | None:
    if isinstance(node, exp.Column):
        return _column_refusal(node, columns, at)
    if isinstance(node, exp.DataType):
        return None if _is_plain_type(node) else at(node, f"an expression cannot use the type {node.sql('duckdb')}", None)
    if isinstance(node, exp.Anonymous):
        return None if node.name.casefold() in _NAMED else _function_refusal(node, at)
    if isinstance(node, exp.In):
        return _list_refusal(node, at)
    return None if type(node) in _NODES else _function_refusal(node, at)


def _column_refusal(node: exp.Column, columns: Columns, at: At) -> Mistake | None:
    if len(node.parts) > 1 or not isinstance(node.this, exp.Identifier):
        return at(node, f"{node.sql('duckdb')}: a column is one plain name", None)
    if columns.is_ambiguous(node.name):
        return at(node, f"several columns are spelled {node.name!r} but for case", "rename one of them where it is imported")
    if columns.find(node.name) is not None:
        return None
    near = columns.near(node.name)
    if node.this.args.get("quoted") and not near:
        return at(node, f"there is no column {node.name!r}", f"text goes in single quotes: '{node.name}'")
    return at(node, f"there is no column {node.name!r}", f"did you mean {' or '.join(near)}?" if near else _listing(columns))


def _listing(columns: Columns) -> str:
    return "columns are " + ", ".join(sorted(columns.types))


def _function_refusal(node: Node, at: At) -> Mistake:
    """The refusal that says most about this kind of node."""
    if isinstance(node, _QUERY):
        return at(node, "an expression is one condition on a recipient's columns; it cannot query", "leave out SELECT")
    if isinstance(node, _CLOCK) or _name(node) in _CLOCK_NAMES:
        return at(node, f"{shown(node)} would give another answer each time", f"the send's instant is the column {AS_OF}")
    if isinstance(node, _CHANCE) or _name(node) in ("setseed", "gen_random_uuid"):
        return at(node, f"{shown(node)} would give another answer each time", "bucket is a uniform draw from 0 to 65535 that stays")
    if isinstance(node, (exp.Window, exp.AggFunc)):
        return at(node, f"{shown(node)} looks at several recipients; an expression is about one", None)
    return at(node, f"{shown(node)} cannot be used in an expression", "docs/audience.md lists what can")


def _name(node: Node) -> str:
    return node.name.casefold() if isinstance(node, exp.Anonymous) else ""


def shown(node: Node) -> str:
    """The node as SQL, short enough for a message, names without the quotes they do not need."""
    text = node.transform(_without_quotes).sql("duckdb", comments=False)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _without_quotes(node: Node) -> Node:
    return exp.to_identifier(node.name) if isinstance(node, exp.Identifier) else node


def _is_plain_type(node: exp.DataType) -> bool:
    kind = node.this
    nested = any(isinstance(child, exp.DataType) for child in node.expressions)
    return isinstance(kind, exp.DType) and kind.value in _TYPES and not nested


def _list_refusal(node: exp.In, at: At) -> Mistake | None:
    if node.args.get("query"):
        return _function_refusal(node.args["query"], at)
    plain = not any(node.args.get(part) for part in ("unnest", "field", "is_global"))
    return None if plain else at(node, "IN takes a list of values, such as IN ('DE', 'FR')", None)
