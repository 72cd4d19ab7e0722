"""The table `source`: the rows of `raw`, with the numbers of untyped files read as numbers.

CSV tells no types; Parquet and databases do, and keep theirs. A column is numeric if at least four in five of its values
are plain numbers; the others then are refused as of the wrong type, if the mapping looks at that column. Numbers with
leading zeros are codes, not numbers.
"""

from collections.abc import Collection
from dataclasses import dataclass

from storage.imports.report import Refusal
from storage.imports.workbench import ROW, SOURCE_ROW, Workbench, literal, quoted

NUMERIC_SHARE = 0.8

_WHOLE = r"'^\s*[+-]?\d{1,18}\s*$'"
_NUMBER = r"'^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\s*$'"
_CODE = r"'^\s*[+-]?0\d'"


@dataclass(frozen=True, slots=True)
class NumericColumn:
    """A text column that holds numbers: its SQL type, and how many of its values are none."""

    name: str
    type: str
    strangers: int


def make_source(bench: Workbench, *, texts: Collection[str], read: Collection[str]) -> None:
    """Make the view `source`. Columns in `texts` stay text; rows with a stranger in a column of `read` are refused."""
    numeric = {column.name: column for column in _numeric_columns(bench, texts)}
    for column in numeric.values():
        if column.strangers and column.name in read:
            _refuse_strangers(bench, column)
    columns = bench.columns("raw")
    own = [] if SOURCE_ROW in map(str.lower, columns) else [f"{ROW} AS {SOURCE_ROW}"]
    values = [
        f"TRY_CAST({quoted(name)} AS {numeric[name].type}) AS {quoted(name)}" if name in numeric else quoted(name) for name in columns
    ]
    unreadable = "SELECT row FROM refused"
    bench.run(f"CREATE VIEW source AS SELECT {', '.join([ROW, *own, *values])} FROM raw WHERE {ROW} NOT IN ({unreadable})")  # noqa: S608


def _numeric_columns(bench: Workbench, texts: Collection[str]) -> list[NumericColumn]:
    candidates = [name for name, kind in bench.columns("raw").items() if bench.untyped and kind == "VARCHAR" and name not in texts]
    if not candidates:
        return []
    figures = ", ".join(
        f"count({q}), count(*) FILTER (regexp_matches({q}, {_WHOLE})), count(*) FILTER (regexp_matches({q}, {_NUMBER})), "
        f"count(*) FILTER (regexp_matches({q}, {_CODE}))"
        for q in map(quoted, candidates)
    )
    counts = bench.run(f"SELECT {figures} FROM raw")[0]  # noqa: S608
    found = [_judged(name, *counts[place * 4 : place * 4 + 4]) for place, name in enumerate(candidates)]
    return [column for column in found if column]


def _judged(name: str, values: int, whole: int, numbers: int, codes: int) -> NumericColumn | None:
    if codes or not values or numbers < NUMERIC_SHARE * values:
        return None
    return NumericColumn(name, "BIGINT" if whole == numbers else "DOUBLE", values - numbers)


def _refuse_strangers(bench: Workbench, column: NumericColumn) -> None:
    detail = f"{column.name}: not a number, as most of this column are"
    strange = f"{quoted(column.name)} IS NOT NULL AND NOT regexp_matches({quoted(column.name)}, {_NUMBER})"
    fresh = f"{ROW} NOT IN (SELECT row FROM refused)"  # noqa: S608
    values = f"{ROW}, NULL, {literal(Refusal.WRONG_TYPE)}, {literal(detail)}, NULL"
    bench.run(f"INSERT INTO refused SELECT {values} FROM raw WHERE {strange} AND {fresh}")  # noqa: S608
