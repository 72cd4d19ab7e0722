"""Lists as one parameter: a thousand values in a statement that is the same for any number of them.

An IN list has a placeholder for each value, which SQLAlchemy writes out and the driver binds one by one; that takes longer than the
look-up itself. As JSON they are one text, and how many there are has no limit.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class _Each(FunctionElement[Any]):
    """The elements of a JSON array, one to a row, in its order, in a column that both databases call `value`."""

    inherit_cache = True


class _Field(FunctionElement[str]):
    """A field of an element that is an array itself, by its place, as text. Written so that SQLite need not be younger than 3.35."""

    inherit_cache = True
    type = sa.String()


@compiles(_Each, "sqlite")
def _each_on_sqlite(each: _Each, compiler: SQLCompiler, **how: Any) -> str:
    return f"json_each({compiler.process(each.clauses, **how)})"


@compiles(_Each, "postgresql")
def _each_on_postgresql(each: _Each, compiler: SQLCompiler, **how: Any) -> str:
    return f"json_array_elements(CAST({compiler.process(each.clauses, **how)} AS json))"


@compiles(_Field, "sqlite")
def _field_on_sqlite(field: _Field, compiler: SQLCompiler, **how: Any) -> str:
    element, place = (compiler.process(clause, **how) for clause in field.clauses)
    return f"json_extract({element}, '$[{place}]')"


@compiles(_Field, "postgresql")
def _field_on_postgresql(field: _Field, compiler: SQLCompiler, **how: Any) -> str:
    element, place = (compiler.process(clause, **how) for clause in field.clauses)
    return f"{element} ->> {place}"


def texts(values: Iterable[str]) -> sa.Select[tuple[str]]:
    """The texts as a query, to be looked for with `column.in_(texts(…))`."""
    return rows(([value] for value in values), ["value"])


def rows(values: Iterable[Sequence[str]], columns: Sequence[str]) -> sa.Select[Any]:
    """Rows of texts as a query, in their order, with these names for the columns. UnicodeError for half a character, as drivers raise."""
    each = _Each(sa.literal(_json(values), sa.Text)).table_valued("value", name="listed")
    fields = [_Field(each.c.value, sa.literal_column(str(place))).label(name) for place, name in enumerate(columns)]
    return sa.select(*fields).select_from(each)


def _json(values: Iterable[Sequence[str]]) -> str:
    try:
        return orjson.dumps(list(values)).decode()
    except orjson.JSONEncodeError as error:
        raise UnicodeError(str(error)) from None
