"""Experiment tables: a CSV or Parquet file with a row per unit, read as sums per arm and outcome by DuckDB."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from domain.errors import InputError

PRODUCTS = ("y", "d", "x", "yy", "yd", "yx", "dd", "dx", "xx")


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns say what. `covariate`: something known of each unit from before; `per`: what outcomes are counted per, 1 if None."""

    arm: str
    outcomes: tuple[str, ...]
    covariate: str | None = None
    per: str | None = None


Sums = Mapping[str, float]  # by PRODUCTS, and n


def sums_of(file: Path, columns: Columns) -> Mapping[tuple[str, str], Sums]:
    """Sums by arm and outcome. InputError for a file that cannot be read, a column that is not there, values that are no numbers, and
    rows without an arm."""
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
        rows = _rows(connection, file)
        _refuse_unknown(rows, columns, file)
        made: dict[tuple[str, str], Sums] = {}
        for outcome in columns.outcomes:
            for arm, sums in _of_outcome(rows, columns, outcome, file).items():
                made[arm, outcome] = sums
        return made


def _rows(connection: duckdb.DuckDBPyConnection, file: Path) -> duckdb.DuckDBPyRelation:
    if not file.is_file():
        raise InputError("there is no such file", where=str(file))
    try:
        return (
            connection.read_parquet(str(file))
            if file.suffix == ".parquet"
            else connection.read_csv(str(file), header=True, all_varchar=True)
        )
    except duckdb.Error as error:
        raise InputError(f"cannot be read as a table: {str(error).splitlines()[0]}", where=str(file)) from None


def _refuse_unknown(rows: duckdb.DuckDBPyRelation, columns: Columns, file: Path) -> None:
    for name in (columns.arm, *columns.outcomes, columns.covariate, columns.per):
        if name is not None and name not in rows.columns:
            raise InputError(f"there is no column {name!r}", where=str(file), hint="there: " + ", ".join(rows.columns))


def _of_outcome(rows: duckdb.DuckDBPyRelation, columns: Columns, outcome: str, file: Path) -> dict[str, Sums]:
    numbers = {"y": outcome, "d": columns.per, "x": columns.covariate}
    default = {"d": "1.0::DOUBLE", "x": "0.0::DOUBLE"}
    read = ", ".join(
        f"TRY_CAST({_quoted(name)} AS DOUBLE) AS {short}" if name else f"{default[short]} AS {short}" for short, name in numbers.items()
    )
    plain = rows.project(f"CAST({_quoted(columns.arm)} AS VARCHAR) AS arm, {read}")
    asked = [f"count(*) FILTER ({short} IS NULL OR NOT isfinite({short})) AS no_{short}" for short in numbers]
    products = [f"sum({name if len(name) == 1 else '*'.join(name)}) AS {name}" for name in PRODUCTS]
    try:
        found = plain.aggregate("arm, count(*) AS n, " + ", ".join(asked + products), "arm").fetchall()
    except duckdb.Error as error:
        raise InputError(f"cannot be read as a table: {str(error).splitlines()[0]}", where=str(file)) from None
    if lost := sum(row[1] for row in found if row[0] is None or not str(row[0]).strip()):
        raise InputError(f"{lost:,} rows have no arm", where=f"{file}, column {columns.arm}")
    for place, name in enumerate(numbers.values(), start=2):
        if name and (wrong := sum(row[place] for row in found)):
            raise InputError(f"{wrong:,} of {sum(row[1] for row in found):,} rows hold no number", where=f"{file}, column {name}")
    return {row[0]: dict(zip(("n", *PRODUCTS), (row[1], *row[5:]), strict=True)) for row in found}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
