"""From what a mapping gives to typed columns: one SQL expression for a column's value, one for what is wrong with it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from storage.imports.columns import Column, ColumnType
from storage.imports.report import Refusal
from storage.imports.workbench import literal, quoted

_CONTROL = r"'[\x00-\x1f\x7f-\x{9f}\x{2028}\x{2029}]'"
_OFFSET = r"'\d:\d\d[^+-]*([Zz]|[+-]\d\d(:?\d\d)?)\s*$'"
_YES, _NO = "('true','t','yes','y','1','1.0')", "('false','f','no','n','0','0.0')"
_EARLIEST, _LATEST = "TIMESTAMPTZ '1900-01-01 00:00:00+00'", "TIMESTAMPTZ '2200-01-01 00:00:00+00'"


@dataclass(frozen=True, slots=True)
class TypedColumn:
    """`value` and `problem` are SQL over a row of the mapping; `problem` is 'reason|detail' or null."""

    name: str
    value: str
    problem: str


def typed(column: Column, given: str) -> TypedColumn:
    """How a column is read from what the mapping gives, of the SQL type `given`."""
    value = _value(column, given)
    return TypedColumn(column.name, value, f"coalesce({', '.join(_problems(column, value))}, NULL)")


def absent(column: Column) -> TypedColumn:
    """A column that the mapping does not give: null."""
    return TypedColumn(column.name, f"NULL::{_SQL_TYPES[column.type]}", "NULL")


def naive_instants(columns: Sequence[Column], given: Mapping[str, str]) -> dict[str, str]:
    """Column → SQL that holds for the rows whose instant says no time zone."""
    instants = [column.name for column in columns if column.type is ColumnType.INSTANT and column.name in given]
    return {name: condition for name in instants if (condition := _naive(name, given[name]))}


def _naive(name: str, given: str) -> str | None:
    present = f"{quoted(name)} IS NOT NULL"
    if given == "VARCHAR":
        return f"{present} AND NOT regexp_matches({quoted(name)}, {_OFFSET})"
    return present if _is_naive(given) else None


def _is_naive(given: str) -> bool:
    return given == "DATE" or (given.startswith("TIMESTAMP") and not _is_aware(given))


def _is_aware(given: str) -> bool:
    return given.startswith("TIMESTAMPTZ") or given == "TIMESTAMP WITH TIME ZONE"


_SQL_TYPES = {
    ColumnType.TEXT: "VARCHAR",
    ColumnType.WHOLE: "BIGINT",
    ColumnType.NUMBER: "DOUBLE",
    ColumnType.FLAG: "BOOLEAN",
    ColumnType.INSTANT: "TIMESTAMPTZ",
}


_ARTICLES = {
    ColumnType.WHOLE: "a whole number",
    ColumnType.NUMBER: "a number",
    ColumnType.FLAG: "true or false",
    ColumnType.INSTANT: "an instant such as 2026-11-23T09:00:00Z; for seconds since 1970 map to_timestamp(…)",
}


def _value(column: Column, given: str) -> str:
    text = f"nullif(trim(CAST({quoted(column.name)} AS VARCHAR)), '')"
    match column.type:
        case ColumnType.TEXT:
            return text
        case ColumnType.FLAG:
            return f"CASE WHEN lower({text}) IN {_YES} THEN true WHEN lower({text}) IN {_NO} THEN false END"
        case ColumnType.WHOLE:
            number = f"TRY_CAST({text} AS DOUBLE)"
            return f"CASE WHEN {number} = floor({number}) THEN TRY_CAST({number} AS BIGINT) END"
        case ColumnType.NUMBER:
            number = f"TRY_CAST({text} AS DOUBLE)"
            return f"CASE WHEN isfinite({number}) THEN {number} END"
        case ColumnType.INSTANT:
            return _instant(column.name, given, text)


def _instant(name: str, given: str, text: str) -> str:
    if _is_aware(given):
        return f"CAST({quoted(name)} AS TIMESTAMPTZ)"
    if _is_naive(given):
        return f"CAST({quoted(name)} AS TIMESTAMP) AT TIME ZONE 'UTC'"
    if given == "VARCHAR":
        return f"TRY_CAST({text} AS TIMESTAMPTZ)"
    return "NULL::TIMESTAMPTZ"


def _problems(column: Column, value: str) -> Iterator[str]:
    text = f"nullif(trim(CAST({quoted(column.name)} AS VARCHAR)), '')"
    if column.type is not ColumnType.TEXT:
        yield _case(f"{text} IS NOT NULL AND ({value}) IS NULL", Refusal.WRONG_TYPE, f"{column.name}: not {_ARTICLES[column.type]}")
    else:
        refusal = Refusal.BAD_ADDRESS if column.name == "address" else Refusal.CONTROL_CHARACTER
        yield _case(
            f"regexp_matches(CAST({quoted(column.name)} AS VARCHAR), {_CONTROL})", refusal, f"{column.name}: holds a control character"
        )
    if column.required and column.type is not ColumnType.FLAG:
        yield _case(f"({value}) IS NULL", Refusal.MISSING_VALUE, f"{column.name}: empty")
    yield from _bounds(column, value)
    if column.words:
        words = ", ".join(map(literal, column.words))
        yield _case(f"({value}) NOT IN ({words})", Refusal.WRONG_TYPE, f"{column.name}: not one of {', '.join(column.words)}")


def _bounds(column: Column, value: str) -> Iterator[str]:
    if column.type is ColumnType.INSTANT:
        yield _case(f"({value}) NOT BETWEEN {_EARLIEST} AND {_LATEST}", Refusal.OUT_OF_RANGE, f"{column.name}: not between 1900 and 2200")
    if column.low is not None:
        sign, words = ("<=", "above") if column.above else ("<", "at least")
        yield _case(f"({value}) {sign} {column.low}", Refusal.OUT_OF_RANGE, f"{column.name}: must be {words} {column.low:g}")
    if column.high is not None:
        yield _case(f"({value}) > {column.high}", Refusal.OUT_OF_RANGE, f"{column.name}: must be at most {column.high:g}")


def _case(condition: str, refusal: Refusal, detail: str) -> str:
    return f"CASE WHEN {condition} THEN {literal(f'{refusal.value}|{detail}')} END"
