"""Run a mapping, and judge every row it gives by the types of its kind's columns."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from domain.errors import InputError, InvalidInput, Mistake
from storage.imports.columns import KindSpecification
from storage.imports.mapping import NUMBER, PROBLEM, MappingQuery
from storage.imports.typed_columns import TypedColumn, absent, naive_instants, typed
from storage.imports.workbench import SOURCE_ROW, Workbench, quoted


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a mapping gave: the columns of the kind, and further ones, with their SQL types."""

    given: dict[str, str]
    further: dict[str, str]


def run_mapping(mapping: MappingQuery, specification: KindSpecification, bench: Workbench) -> Mapped:
    """Make the table `mapped`. InputError if the query fails, or lacks a column that the kind must have."""
    bench.traced = _execute(mapping, bench)
    columns = bench.columns("mapped")
    if SOURCE_ROW not in bench.columns("raw"):
        columns.pop(SOURCE_ROW, None)  # ours, and swept along by `*`
    known = {name.lower(): name for name in specification.named()}
    for name in [name for name in columns if name.lower() in known and name not in specification.named()]:
        bench.run(f"ALTER TABLE mapped RENAME COLUMN {quoted(name)} TO {quoted(known[name.lower()])}")
        columns[known[name.lower()]] = columns.pop(name)
    given = {name: kind for name, kind in columns.items() if name in specification.named()}
    _require(mapping, specification, given, bench)
    further = {name: kind for name, kind in columns.items() if name not in given}
    if further and specification.extras is None and not mapping.takes_everything:
        _refuse_unknown(mapping, specification, further)
    return Mapped(given, further)


def judge(mapped: Mapped, specification: KindSpecification, bench: Workbench, *, extras: str) -> None:
    """Make the table `judged`: `number` of the row, a unique `place`, typed columns, `extras` (SQL). Refuse what is wrong."""
    columns = [typed(one, mapped.given[one.name]) if one.name in mapped.given else absent(one) for one in specification.columns]
    values = ", ".join(f"{column.value} AS {quoted(column.name)}" for column in columns)
    numbers = f"{NUMBER} AS number, row_number() OVER () AS place"
    rest = f"{extras} AS extras, {_problem(columns)} AS problem"
    bench.run(f"CREATE TABLE judged AS SELECT {numbers}, {values}, {rest} FROM mapped")  # noqa: S608 - names are quoted
    raw = "NULL" if bench.traced else "''"
    reason = f"split_part(problem, '|', 1), substr(problem, strpos(problem, '|') + 1), {raw}"
    bench.run(f"INSERT INTO refused SELECT number, NULL, {reason} FROM judged WHERE problem IS NOT NULL")  # noqa: S608
    bench.run("DELETE FROM judged WHERE problem IS NOT NULL")


def time_zone_notes(mapped: Mapped, specification: KindSpecification, bench: Workbench) -> list[str]:
    """What was assumed of instants without a time zone."""
    counts = {
        name: bench.value(f"SELECT count(*) FROM mapped WHERE {condition}")  # noqa: S608 - names are quoted
        for name, condition in naive_instants(specification.columns, mapped.given).items()
    }
    return [f"{name} has no time zone in {count:,} rows: read as UTC" for name, count in counts.items() if count]


def _execute(mapping: MappingQuery, bench: Workbench) -> bool:
    """True if the first way of numbering the rows, by those of the source, worked."""
    ways = list(mapping.numbered())
    for place, query in enumerate(ways):
        try:
            bench.run(f"CREATE TABLE mapped AS {query}")
        except duckdb.BinderException as error:
            if place == len(ways) - 1:
                raise _failure(mapping, error, bench) from None
        except duckdb.Error as error:
            raise _failure(mapping, error, bench) from None
        else:
            return len(ways) - place > 1
    raise AssertionError("a mapping has at least one way to be numbered")


def _failure(mapping: MappingQuery, error: duckdb.Error, bench: Workbench) -> InputError:
    reason = re.sub(r"string '.*?'", "a value", str(error).split("\n\n")[0].replace("\n", " "))  # values may be personal
    available = f"columns of the source: {', '.join(bench.columns('raw'))}"
    hint = "use TRY_CAST, or TRY_STRPTIME for dates" if isinstance(error, duckdb.ConversionException) else available
    return InputError(f"the mapping fails: {reason}", where=mapping.text.place, hint=hint)


def _require(mapping: MappingQuery, specification: KindSpecification, given: Mapping[str, str], bench: Workbench) -> None:
    missing = [column for column in specification.columns if column.required and column.name not in given]
    if not missing:
        return
    available = ", ".join(bench.columns("raw"))
    where = mapping.text.place
    mistakes = [Mistake(f"there is no column {column.name!r}: {column.doc}", where, hint=_example(column.name)) for column in missing]
    raise InvalidInput([*mistakes, Mistake(f"columns of the source: {available}")])


def _example(name: str) -> str:
    """Consent is never assumed: it must be said, be it for all at once."""
    return "if all of them agreed: true AS consent" if name == "consent" else f"map it: … AS {name}"


def _refuse_unknown(mapping: MappingQuery, specification: KindSpecification, further: dict[str, str]) -> None:
    where = mapping.text.place
    known = ", ".join(specification.named())
    raise InvalidInput([Mistake(f"unknown column {name!r}", where) for name in further] + [Mistake(f"known columns: {known}")])


def _problem(columns: Sequence[TypedColumn]) -> str:
    return f"coalesce({PROBLEM}, {', '.join(column.problem for column in columns)})"
