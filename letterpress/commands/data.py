"""`letterpress import`: recipients, past decisions, events and purchases, from a file or another database."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress as Display

from letterpress.output import emit, progress
from runtime.clock import now

if TYPE_CHECKING:
    from storage.imports.report import ImportReport, Progress, Step
    from storage.imports.source import Source as SourceOfRows

_SOURCE = "A CSV file (any delimiter, gzip too), a Parquet file, or the SQLAlchemy URL of a database"
_MAP = "SQL over the table `source`, or a file that holds it: SELECT id AS recipient_id, email AS address, true AS consent FROM source"
_SUMMARIES = {
    "recipients": "Import who may be written to. Needs recipient_id, address, consent; further columns become attributes.",
    "decisions": "Import what was shown to whom, and what came of it. Needs recipient_id, placement, variant, decided_at.",
    "events": "Import what people did. Needs recipient_id, kind, occurred_at; further columns are kept as properties.",
    "purchases": "Import what people bought. Needs recipient_id, item, amount, occurred_at.",
}
_TEXT = "A column of a CSV file that is no number although it looks like one; may be repeated"

Source = Annotated[str, typer.Argument(help=_SOURCE)]
Map = Annotated[str | None, typer.Option("--map", help=_MAP)]
Query = Annotated[str | None, typer.Option("--query", help="For a database: the SELECT whose rows to import, in its own SQL")]
Table = Annotated[str | None, typer.Option("--table", help="For a database: the table to import")]
Name = Annotated[str | None, typer.Option("--name", help="What to call the source; the file's or table's name if left out")]
Texts = Annotated[list[str] | None, typer.Option("--text", help=_TEXT)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document")]


def app_commands(app: typer.Typer) -> None:
    """Register the commands."""
    imports = typer.Typer(help="Bring your own data: recipients, past decisions, events, purchases.", no_args_is_help=True)
    for kind, summary in _SUMMARIES.items():
        imports.command(kind, help=summary)(_command(kind))
    app.add_typer(imports, name="import")


def _command(kind: str) -> Callable[..., None]:
    def command(
        source: Source,
        *,
        mapping: Map = None,
        query: Query = None,
        table: Table = None,
        name: Name = None,
        text: Texts = None,
        as_json: Json = False,
    ) -> None:
        from storage.imports.source import Source as SourceOfRows

        report = _import(kind, SourceOfRows(source, query, table), mapping=mapping, name=name, texts=text or ())
        emit(report, as_json=as_json, text=lambda: _text(report))
        if report.refused and not report.written and not report.unchanged:
            raise typer.Exit(2)

    return command


def _import(kind: str, source: "SourceOfRows", *, mapping: str | None, name: str | None, texts: Sequence[str]) -> "ImportReport":
    from runtime.house import open_house
    from runtime.settings import load_settings
    from storage.imports.columns import ImportKind
    from storage.imports.run import Stores, run_import

    house = open_house(load_settings())
    rejects = house.settings.var / "rejects" / f"{kind}-{name or source.safe_name}.csv"
    with progress() as display:
        return run_import(
            ImportKind(kind),
            source,
            mapping,
            Stores(house.recipients, house.lake),
            name=name,
            rejects=rejects,
            at=now(),
            progress=_shown(display),
            texts=texts,
        )


def _shown(display: Display) -> "Progress":
    """Each stage has a bar of its own."""
    bars = {}

    def show(step: "Step") -> None:
        if step.stage not in bars:
            bars[step.stage] = display.add_task(step.stage, total=step.total)
        display.update(bars[step.stage], completed=step.done, total=step.total)

    return show


def _text(report: "ImportReport") -> str:
    more = f", {report.outcomes:,} outcomes beside them" if report.kind == "decisions" else ""
    lines = [f"{report.kind} from {report.name}: {report.read:,} read, {report.written:,} written, {report.unchanged:,} unchanged{more}"]
    lines += [f"  refused {count:,}: {reason}" for reason, count in report.refused.items()]
    lines += [f"  refused rows are in {report.rejects}"] if report.rejects else []
    return "\n".join([*lines, *(f"  note: {note}" for note in report.notes)])
