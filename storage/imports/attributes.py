"""Attributes: every further column of a recipients import, its kind told by its SQL type."""

import re
from collections.abc import Mapping, Sequence

from domain.errors import InvalidInput, Mistake
from domain.recipient import AttributeKind
from storage.imports.columns import RESERVED
from storage.imports.workbench import Workbench, quoted

MOSTLY = 0.5  # of the values of a text differ: it is text to be printed, not a category
MOST = 50  # different values of a category; beyond, it is text: a model would learn single people's values by heart
_FEW = 20  # with fewer values nobody can tell
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMERIC = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
    "FLOAT",
    "DOUBLE",
    "DECIMAL",
)
_FRACTIONS = ("FLOAT", "DOUBLE", "DECIMAL", "HUGEINT", "UHUGEINT")


def kinds_of(bench: Workbench, columns: Mapping[str, str], known: Mapping[str, AttributeKind]) -> dict[str, AttributeKind]:
    """The kind of each column of the table `mapped`. A column without any value has none, and is left out.

    Whether a text is a category or to be printed is told once, from the data of its first import; later it stays.
    """
    if not columns:
        return {}
    figures = ", ".join(f"count({q}), approx_count_distinct({q})" for q in map(quoted, columns))
    counts = bench.run(f"SELECT {figures} FROM mapped")[0]  # noqa: S608 - names are quoted
    kinds: dict[str, AttributeKind] = {}
    for place, (name, sql_type) in enumerate(columns.items()):
        values, different = counts[2 * place : 2 * place + 2]
        if values:
            kinds[name] = _kind(sql_type, values, different, known.get(name))
    return kinds


def check_names(columns: Sequence[str], where: str) -> None:
    """Raise InvalidInput for columns that cannot be attributes: reserved ones, and those no template could name."""
    mistakes = [
        Mistake(f"{name!r} is a column of Letterpress's own", where, hint="map it under another name")
        for name in columns
        if name.lower() in RESERVED
    ]
    for name in columns:
        if not _NAME.fullmatch(name):
            plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower() or "a_name"
            mistakes.append(
                Mistake(f"{name!r} cannot be the name of an attribute", where, hint=f"map it, such as {quoted(name)} AS {plain}")
            )
    if mistakes:
        raise InvalidInput(mistakes)


def as_json(columns: Mapping[str, str]) -> str:
    """SQL for the attributes of a row as a JSON object: numbers and booleans as such, everything else as text."""
    if not columns:
        return "'{}'"
    return (
        "CAST(to_json(struct_pack("
        + ", ".join(f"{quoted(name)} := {_json_value(name, kind)}" for name, kind in columns.items())
        + ")) AS VARCHAR)"
    )


def is_numeric(sql_type: str) -> bool:
    """Whether an SQL type is a number's."""
    return sql_type.startswith(_NUMERIC) and not sql_type.endswith("]")


def _kind(sql_type: str, values: int, different: int, known: AttributeKind | None) -> AttributeKind:
    if is_numeric(sql_type):
        return AttributeKind.NUMERIC
    if known in {AttributeKind.CATEGORICAL, AttributeKind.TEXT}:
        return known
    printed = sql_type == "VARCHAR" and values >= _FEW and different > min(MOSTLY * values, MOST)
    return AttributeKind.TEXT if printed else AttributeKind.CATEGORICAL


def _json_value(name: str, sql_type: str) -> str:
    column = quoted(name)
    if sql_type.startswith(_FRACTIONS) and is_numeric(sql_type):
        return f"CASE WHEN isfinite(CAST({column} AS DOUBLE)) THEN CAST({column} AS DOUBLE) END"
    if is_numeric(sql_type) or sql_type == "BOOLEAN":
        return column
    return f"CAST({column} AS VARCHAR)"
