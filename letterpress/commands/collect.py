"""`letterpress collect`: what came back, into the lake."""

from typing import Annotated

import typer

from letterpress.output import emit


def app_commands(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(collect)


def collect(
    rebuild: Annotated[bool, typer.Option("--rebuild", help="All days anew, for instance after an import of history")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Collect the events and purchases of the days that are over into the lake, for training. Scheduled nightly."""
    from flows.collect_feedback import collect_closed
    from runtime.house import shared_house

    days = collect_closed(shared_house(), rebuild=rebuild)
    emit({"days": days}, as_json=as_json, text=lambda: f"{days:,} days collected")
