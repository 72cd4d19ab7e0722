"""Mappings: one SQL query over the table `source`, DuckDB's dialect, that only reads."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from domain.errors import InputError, InvalidInput, Mistake
from storage.imports.workbench import ROW

SOURCE = "source"
NUMBER = "__letterpress_number"  # the row number as it leaves the mapping
PROBLEM = "__letterpress_problem"  # 'reason|detail' of the first cast of the mapping's that failed, else null

_WRITES = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Alter, exp.Command, exp.Copy, exp.Into)
_CONDITIONAL = (exp.If, exp.Case, exp.Coalesce, exp.Subquery, exp.Lambda)


@dataclass(frozen=True, slots=True)
class MappingText:
    """A mapping as it was written; `file` is None for one given on the command line."""

    sql: str
    file: str | None = None

    @property
    def place(self) -> str:
        """Where it stands, for messages."""
        return self.file or "--map"


IDENTITY = MappingText("SELECT * FROM source")


def read_mapping(given: str | None) -> MappingText:
    """A mapping given as text or as the name of a file that holds it; None maps every column to itself."""
    if given is None:
        return IDENTITY
    if not given.endswith(".sql") and (" " in given.strip() or not given.strip()):
        return MappingText(given)
    try:
        return MappingText(Path(given).read_text(encoding="utf-8-sig"), given)
    except OSError as error:
        raise InputError(f"the mapping cannot be read: {error.strerror}", where=given) from None
    except UnicodeDecodeError:
        raise InputError("the mapping is not UTF-8 text", where=given) from None


@dataclass(frozen=True, slots=True)
class MappingQuery:
    """A mapping that was found to be one query over `source` and nothing else."""

    text: MappingText
    query: exp.Query

    def numbered(self) -> Iterator[str]:
        """The query with the columns NUMBER and PROBLEM added: ways to say it, the best first.

        Plain selections carry the number of the source's row; where a query groups, joins or deduplicates, rows are
        numbered as they come out. A failing CAST of a plain selection makes a problem of its row instead of an error.
        """
        if all(_is_plain(select) for select in _branches(self.query)):
            query = self.query.copy()
            for select in _branches(query):
                _carry(select)
            yield query.sql(dialect="duckdb")
        inner = self.query.sql(dialect="duckdb")
        yield f"SELECT *, row_number() OVER () AS {NUMBER}, NULL::VARCHAR AS {PROBLEM} FROM ({inner}) AS mapped"  # noqa: S608 - parsed above

    @property
    def takes_everything(self) -> bool:
        """Whether it selects `*`, so that columns it does not know are no mistake of the mapping's."""
        return any(column.is_star for select in _branches(self.query) for column in select.selects)

    def bare_columns(self) -> Mapping[str, str]:
        """Which output column is nothing but a source column: output name → source name."""
        projections = [one for select in _branches(self.query) for one in select.selects]
        return {one.alias_or_name: one.unalias().name for one in projections if isinstance(one.unalias(), exp.Column)}

    def reads(self, column: str) -> bool:
        """Whether the mapping looks at a column of the source."""
        return self.takes_everything or any(one.name.lower() == column.lower() for one in self.query.find_all(exp.Column))


def parse_mapping(text: MappingText) -> MappingQuery:
    """Understand a mapping. InputError or InvalidInput, with file and line, for anything but one query over `source`."""
    try:
        statements = [one for one in sqlglot.parse(text.sql, dialect="duckdb") if one is not None]
    except SqlglotError as error:
        raise _syntax(error, text) from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query) or statements[0].find(*_WRITES):
        raise _mistake(text, "a mapping is one SELECT over `source` and changes nothing")
    query = statements[0]
    ours = {SOURCE} | {cte.alias_or_name.lower() for cte in query.find_all(exp.CTE)}
    for table in query.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier) or table.db or table.name.lower() not in ours:
            raise _mistake(text, f"a mapping reads only the table `source`, not {table.sql(dialect='duckdb')}")
    return MappingQuery(text, query)


def _branches(query: Any) -> list[exp.Select]:
    """The selections of a query, of both sides of a union too."""
    if isinstance(query, exp.SetOperation):
        return [*_branches(query.left), *_branches(query.right)]
    return [query] if isinstance(query, exp.Select) else _branches(query.unnest()) if isinstance(query, exp.Subquery) else []


def _is_plain(select: exp.Select) -> bool:
    """Whether every row that comes out is made of one row of `source`: no joins, groups or deduplication."""
    origin = select.args.get("from") or select.args.get("from_")
    table = origin.this if isinstance(origin, exp.From) else None
    over_source = isinstance(table, exp.Table) and table.name.lower() == SOURCE
    shaped = any(select.args.get(name) for name in ("joins", "laterals", "group", "distinct", "having", "with", "with_"))
    parent = select.parent
    deduplicated = isinstance(parent, exp.SetOperation) and bool(parent.args.get("distinct"))
    aggregated = any(not isinstance(one.parent, exp.Window) for column in select.selects for one in column.find_all(exp.AggFunc))
    return over_source and not shaped and not deduplicated and not aggregated


def _carry(select: exp.Select) -> None:
    conditions = [case for projection in select.selects for case in _lenient(projection)]
    problem = f"coalesce({', '.join(conditions)}, NULL)" if conditions else "NULL::VARCHAR"
    select.select(exp.alias_(exp.column(ROW, quoted=True), NUMBER), copy=False)
    select.select(exp.alias_(sqlglot.parse_one(problem, dialect="duckdb"), PROBLEM), copy=False)


def _lenient(projection: Any) -> list[str]:
    """Make the projection's casts yield null where they fail; returns what tells that they did."""
    found = []
    for cast in [one for one in projection.find_all(exp.Cast) if type(one) is exp.Cast]:
        if isinstance(cast.this, exp.Literal) or cast.find_ancestor(*_CONDITIONAL):
            continue
        tried = exp.TryCast(**{name: value for name, value in cast.args.items() if value is not None})
        if cast is projection:
            continue
        cast.replace(tried)
        before, after = tried.this.sql(dialect="duckdb"), tried.sql(dialect="duckdb")
        kind = tried.to.sql(dialect="duckdb")
        detail = f"wrong_type|{projection.alias_or_name}: cannot be read as {kind}".replace("'", "''")
        found.append(f"CASE WHEN ({before}) IS NOT NULL AND ({after}) IS NULL THEN '{detail}' END")
    return found


def _syntax(error: SqlglotError, text: MappingText) -> InvalidInput:
    places = getattr(error, "errors", None) or [{}]
    first = places[0]
    what = str(first.get("description") or str(error).splitlines()[0])
    return InvalidInput([Mistake(f"the mapping is not valid SQL: {what}", text.place, first.get("line"))])


def _mistake(text: MappingText, what: str) -> InputError:
    return InputError(what, where=text.place, hint="for example SELECT id AS recipient_id, email AS address, true AS consent FROM source")
