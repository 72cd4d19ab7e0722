"""Expressions: SQL conditions on a recipient's columns, as written in `audience:` and `where:`.

`parse` vets what a marketer wrote and finds its mistakes with file and line; `evaluate` answers many expressions for
many recipients in one pass of DuckDB. What is run is generated from the vetted tree, never the text itself.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from sqlglot import exp, parse_one
from sqlglot.dialects import DuckDB
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from audience.columns import AS_OF, Columns, ColumnType, columns_of
from audience.engine import bind, one_unknown_recipient, relation, table_of
from audience.grammar import refusals, shown
from domain.errors import InputError, InvalidInput, Mistake
from domain.recipient import AttributeKind

MAX_LENGTH = 20_000

_WRITING = frozenset(
    (
        *("ALTER", "ATTACH", "BEGIN", "CALL", "CHECKPOINT", "COMMIT", "COPY", "CREATE", "DELETE", "DETACH", "DROP", "EXECUTE", "EXPORT"),
        *("GRANT", "IMPORT", "INSERT", "INSTALL", "LOAD", "MERGE", "PRAGMA", "PREPARE", "RESET", "REVOKE", "ROLLBACK", "SET", "TRUNCATE"),
        *("UPDATE", "USE", "VACUUM"),
    )
)
_SPAN = re.compile(r"[-+]?\d+(\.\d+)?|([-+]?\d+(\.\d+)?\s*[A-Za-z]+\s*)+")
_READS_ONLY = "an expression only reads: it cannot change anything"


@dataclass(frozen=True, slots=True)
class Expression:
    """A vetted expression. `sql` is DuckDB over `columns` alone; `file` and `line` say where it was written."""

    text: str
    sql: str
    columns: tuple[str, ...]
    known: Columns
    file: str | None = None
    line: int | None = None

    @property
    def where(self) -> str | None:
        """The place, for messages."""
        return f"{self.file}:{self.line}" if self.file and self.line else self.file


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a text stands: `line` is the line of the file on which its first line is written."""

    file: str | None
    line: int | None

    def mistake(self, what: str, hint: str | None = None, offset: int = 0) -> Mistake:
        return Mistake(what, self.file, None if self.line is None else self.line + offset, hint)

    def at(self, node: exp.Expr, what: str, hint: str | None = None) -> Mistake:
        """A mistake on the first line that anything of `node` stands on."""
        return self.mistake(what, hint, min((n.meta["line"] for n in node.walk() if "line" in n.meta), default=1) - 1)


def parse(text: str, attributes: Mapping[str, AttributeKind], file: str | None = None, line: int | None = None) -> Expression:
    """Vet an expression over the standard columns and the declared attributes.

    Raises InvalidInput with every unknown column and forbidden part, or the first error of syntax or type.
    """
    place, columns = _Place(file, line), columns_of(attributes)
    try:
        tree = _tree(text, place)
        if mistakes := tuple(refusals(tree, columns, place.at)):
            raise InvalidInput(mistakes)
        used = _use_declared_names(tree, columns)
        _check_type(tree, columns, place)
    except RecursionError:
        raise InvalidInput([place.mistake("the expression is nested too deeply")]) from None
    return Expression(text, _sql(tree), used, columns, file, line)


def evaluate(expressions: Sequence[Expression], recipients: pd.DataFrame, as_of: datetime | None = None) -> npt.NDArray[np.bool_]:
    """Which expressions hold for which recipients: bool[n, k], rows in the frame's order. NULL counts as false.

    `recipients` are expanded; only columns that are used are read. `as_of` is needed where an expression names it.
    Raises InputError with the expression's place when its data defeat it (a cast of text that is no number).
    """
    if not expressions or recipients.empty:
        return np.zeros((len(recipients), len(expressions)), dtype=np.bool_)
    _check_columns(expressions, recipients, as_of)
    table = _used_table(expressions, recipients, as_of)
    try:
        return _answers([e.sql for e in expressions], table)
    except duckdb.Error as error:
        raise _culprit(expressions, table, error) from None


def _tree(text: str, place: _Place) -> exp.Expr:
    """The expression's tree; mistakes of syntax are raised with their line."""
    if not text.strip():
        raise InvalidInput([place.mistake("the expression is empty", "write TRUE to take everyone")])
    if len(text) > MAX_LENGTH:
        raise InvalidInput([place.mistake(f"the expression is longer than {MAX_LENGTH} characters")])
    try:
        tokens = DuckDB().tokenize(text)
        _refuse_statements(tokens, place)
        _refuse_odd_intervals(tokens, place)
        return parse_one(text, dialect="duckdb", into=exp.Condition)
    except TokenError:
        raise InvalidInput([place.mistake("a quote or a comment is opened and never closed")]) from None
    except ParseError as error:
        raise InvalidInput([_syntax_mistake(error, tokens, place)]) from None


def _refuse_statements(tokens: Sequence[Token], place: _Place) -> None:
    """Refuse semicolons, and say so plainly where what follows one would write."""
    for number, token in enumerate(tokens):
        if token.token_type is TokenType.SEMICOLON:
            following = tokens[number + 1].text.upper() if number + 1 < len(tokens) else ""
            what = f"{_READS_ONLY} ({following})" if following in _WRITING else "an expression is one condition, without ;"
            raise InvalidInput([place.mistake(what, offset=token.line - 1)])


def _refuse_odd_intervals(tokens: Sequence[Token], place: _Place) -> None:
    """Refuse INTERVAL 'what is none': the parser would drop what it does not understand of it."""
    for word, text in pairwise(tokens):
        if word.token_type is TokenType.INTERVAL and text.token_type is TokenType.STRING and not _SPAN.fullmatch(text.text.strip()):
            raise InvalidInput([place.mistake(f"{text.text!r} is no interval", "such as INTERVAL 30 DAY", text.line - 1)])


def _syntax_mistake(error: ParseError, tokens: Sequence[Token], place: _Place) -> Mistake:
    """What is wrong with a text that is no condition."""
    verbs = [token for token in tokens if token.token_type is not TokenType.STRING and token.text.upper() in _WRITING]
    if verbs:
        return place.mistake(f"{_READS_ONLY} ({verbs[0].text.upper()})", "write one condition on a recipient's columns", verbs[0].line - 1)
    first = tokens[0].text.upper() if tokens else ""
    if first in ("SELECT", "WITH", "FROM", "WHERE"):
        return place.mistake(f"an expression is one condition on a recipient's columns, without {first}", offset=tokens[0].line - 1)
    found = error.errors[0] if error.errors else {}
    near = f", near {found['highlight']!r}" if found.get("highlight") else ""
    return place.mistake(f"not a condition in SQL{near}", offset=(found.get("line") or 1) - 1)


def _use_declared_names(tree: exp.Expr, columns: Columns) -> tuple[str, ...]:
    """Write every column as it is declared, quoted; gives the columns used, sorted."""
    used: set[str] = set()
    for node in tree.find_all(exp.Column):
        name = columns.find(node.name) or node.name
        node.this.replace(exp.to_identifier(name, quoted=True).update_positions(node.this))
        used.add(name)
    return tuple(sorted(used))


def _check_type(tree: exp.Expr, columns: Columns, place: _Place) -> None:
    """Let DuckDB bind and run the expression for a recipient of whom nothing is known."""
    try:
        kind = _kind_of(_sql(tree), tuple(columns.types.items()))
    except duckdb.Error:
        with relation(one_unknown_recipient(columns)) as connection:
            raise InvalidInput([_type_mistake(tree, connection, place)]) from None
    if kind != "BOOLEAN":
        raise InvalidInput([place.at(tree, f"the expression gives {kind}, not true or false", "compare it with something")])


@lru_cache(maxsize=4096)
def _kind_of(sql: str, types: tuple[tuple[str, ColumnType], ...]) -> str:
    """The type of an expression over columns of these types; remembered, because every shard of a send asks anew."""
    with relation(one_unknown_recipient(Columns(dict(types)))) as connection:
        return bind(connection, sql)


def _type_mistake(tree: exp.Expr, connection: duckdb.DuckDBPyConnection, place: _Place) -> Mistake:
    """The mistake at the smallest part that does not bind by itself."""
    for node in _inside_out(tree):
        try:
            bind(connection, _sql(node))
        except duckdb.Error as error:
            return place.at(node, f"{shown(node)}: {_first_sentence(error)}")
    return place.at(tree, "the expression does not bind")


def _inside_out(tree: exp.Expr) -> Iterable[exp.Expr]:
    """The parts that are expressions by themselves, the innermost first. Words of the syntax (units, types) are not."""
    parts = (exp.Identifier, exp.Var, exp.DataType, exp.DataTypeParam, exp.Escape, exp.If)
    return (node for node in reversed(list(tree.bfs())) if node is tree or not isinstance(node, parts))


def _first_sentence(error: duckdb.Error) -> str:
    """DuckDB's reason, without its kind, candidates and position."""
    line = str(error).splitlines()[0].split(": ", 1)[-1]
    return line.removesuffix(" You might need to add explicit type casts.").removesuffix(".")


def _sql(node: exp.Expr) -> str:
    return node.sql("duckdb", comments=False)


def _check_columns(expressions: Sequence[Expression], recipients: pd.DataFrame, as_of: datetime | None) -> None:
    for expression in expressions:
        if AS_OF in expression.columns and as_of is None:
            raise InputError(f"{AS_OF} has no value here", where=expression.where, hint="give an instant: --at 2026-11-23T09:00:00Z")
        if missing := sorted(set(expression.columns) - set(recipients.columns) - {AS_OF}):
            raise InputError(f"the recipients at hand have no column {missing[0]!r}", where=expression.where)


def _used_table(expressions: Sequence[Expression], recipients: pd.DataFrame, as_of: datetime | None) -> pa.Table:
    """The columns that any of the expressions uses, as DuckDB reads them."""
    known = Columns({name: kind for expression in expressions for name, kind in expression.known.types.items()})
    return table_of(recipients, sorted({name for e in expressions for name in e.columns}), known, as_of)


def _answers(sqls: Sequence[str], table: pa.Table) -> npt.NDArray[np.bool_]:
    """bool[n, k]. DuckDB keeps the order in which a relation is scanned (`preserve_insertion_order`)."""
    selected = ", ".join(f"coalesce(({sql}), false) AS e{number}" for number, sql in enumerate(sqls))
    with relation(table) as connection:
        found: Any = connection.sql(f"SELECT {selected} FROM recipients").to_arrow_table()  # noqa: S608 - vetted by the grammar
    return np.column_stack([column.to_numpy() for column in found.columns])


def _culprit(expressions: Sequence[Expression], table: pa.Table, error: duckdb.Error) -> InputError:
    """The expression that fails on these recipients. DuckDB's own text is left out: it quotes the data."""
    for expression in expressions:
        try:
            _answers([expression.sql], table)
        except duckdb.Error:
            return InputError("the expression fails on the recipients' data", where=expression.where, hint=_remedy(error))
    return InputError("the expressions fail on the recipients' data", hint=_remedy(error))


def _remedy(error: duckdb.Error) -> str:
    if isinstance(error, duckdb.ConversionException):
        return "a value cannot be converted; TRY_CAST gives NULL for it"
    return "a number runs out of range" if isinstance(error, duckdb.OutOfRangeException) else "a value is not of the form it needs"
