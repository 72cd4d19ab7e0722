"""`letterpress check`: what a send of the campaign would be stopped for, before anybody tries."""

from typing import Annotated

import typer

from letterpress.instants import instant
from letterpress.output import console, emit


def app_commands(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(check)


def check(
    campaign: Annotated[str, typer.Argument(help="The campaign's folder name")],
    at: Annotated[str | None, typer.Option("--at", help="As if it were sent at this instant; now if left out")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Tell what passed, too")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Check content, sample letters and the sender's domain as `send` does, and tell what would stop it. Writes nothing; 2 if it would."""
    from domain.campaign import Surface
    from flows.check_send import check_send
    from flows.plan_send import checked_content, planned_send, require_surface
    from letterpress.compliance_view import lines
    from runtime.house import shared_house

    house, as_of = shared_house(), instant(at)
    content = checked_content(house, campaign)
    require_surface(content, Surface.MAIL)
    report = check_send(house, planned_send(house, content, as_of, as_of), content)
    if as_json:
        emit(report, as_json=True, text=str)
    else:
        console.print(lines(report, everything=everything), soft_wrap=True)
    if report.stops:
        raise typer.Exit(2)
