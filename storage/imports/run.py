"""One import from beginning to end: read, map, judge, write; and the account of every row."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from domain.errors import InputError
from storage.imports.columns import SPECIFICATIONS, ColumnType, ImportKind
from storage.imports.history import import_history
from storage.imports.mapped import Mapped, run_mapping, time_zone_notes
from storage.imports.mapping import MappingQuery, parse_mapping, read_mapping
from storage.imports.recipients import import_recipients
from storage.imports.refusals import refused_by_reason, write_rejects
from storage.imports.report import ImportReport, Progress, Refusal, Written
from storage.imports.source import Source, fitting, load_source
from storage.imports.source_types import make_source
from storage.imports.workbench import Workbench
from storage.lake import Lake
from storage.recipients import Recipients


@dataclass(frozen=True, slots=True)
class Stores:
    """Where imports go."""

    recipients: Recipients
    lake: Lake


def run_import(
    kind: ImportKind,
    source: Source,
    mapping: str | None,
    stores: Stores,
    *,
    name: str | None,
    rejects: Path,
    at: datetime,
    progress: Progress = lambda _step: None,
    texts: Collection[str] = (),
) -> ImportReport:
    """Import a source. `mapping` is SQL or the name of a file with it, None for the identity; `name` names the source in
    the lake; `rejects` is where refused rows are written; `texts` are columns of a CSV file that are no numbers.

    InputError or UnavailableError before anything is written; bad rows are refused one by one. Running it again after
    any interruption completes it.
    """
    called = _name(name, source)
    query = parse_mapping(read_mapping(mapping))
    with Workbench() as bench:
        rows = load_source(source, bench, progress)
        bench.seal()
        make_source(bench, texts=_texts(kind, query, texts), read=[column for column in bench.columns("raw") if query.reads(column)])
        mapped = run_mapping(query, SPECIFICATIONS[kind], bench)
        notes = (*time_zone_notes(mapped, SPECIFICATIONS[kind], bench), *_ignored(kind, mapped))
        if kind is ImportKind.RECIPIENTS:
            written = import_recipients(mapped, bench, stores.recipients, at, where=query.text.place, progress=progress)
        else:
            written = import_history(kind, mapped, bench, stores.lake, name=called, progress=progress)
        refused = refused_by_reason(bench)
        account = _account(kind, called, written, refused, source_rows=rows)
        return replace(account, rejects=write_rejects(bench, rejects), notes=(*notes, *_hints(refused, bench)))


def _account(kind: ImportKind, name: str, written: Written, refused: Mapping[str, int], *, source_rows: int) -> ImportReport:
    read = written.new + written.known + sum(refused.values())
    return ImportReport(kind.value, name, source_rows, read, written.new, written.known, refused, written.outcomes)


def _name(given: str | None, source: Source) -> str:
    """An import's name is a folder of the lake and part of ids."""
    if given is not None and given != fitting(given):
        raise InputError(f"{given!r} cannot be the name of an import", hint=f"letters, digits, dots and hyphens: {fitting(given)}")
    return given or source.safe_name


def _texts(kind: ImportKind, query: MappingQuery, texts: Collection[str]) -> set[str]:
    """Columns that stay text: those that were said to be, and those that become ids, addresses and other texts as they are."""
    specified = SPECIFICATIONS[kind].named()
    becomes = {name for name, column in specified.items() if column.type is ColumnType.TEXT}
    bare = {source for name, source in query.bare_columns().items() if name in becomes}
    return set(texts) | bare | (becomes if query.takes_everything else set())


def _ignored(kind: ImportKind, mapped: Mapped) -> list[str]:
    further = ", ".join(mapped.further)
    return [f"columns that {kind} do not have were left out: {further}"] if further and SPECIFICATIONS[kind].extras is None else []


def _hints(refused: Mapping[str, int], bench: Workbench) -> list[str]:
    hints = []
    if refused and not bench.traced:
        hints.append("the mapping groups, joins or deduplicates: rows in the rejects file are numbered as they leave it")
    if refused.get(Refusal.UNDECODABLE) and bench.untyped:
        hints.append("some rows are not UTF-8; if the file is Latin-1, convert it: iconv -f LATIN1 -t UTF-8 FILE > NEW.csv")
    return hints
