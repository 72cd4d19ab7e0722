"""`letterpress refresh CAMPAIGN`: decide anew what the pages of a site show."""

from typing import TYPE_CHECKING, Annotated

import typer

from letterpress.instants import instant
from runtime.people import who
from runtime.settings import load_settings

if TYPE_CHECKING:
    pass


def app_commands(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(refresh)


def refresh(
    campaign: Annotated[str, typer.Argument(help="The folder name of a campaign on pages")],
    *,
    at: Annotated[str | None, typer.Option("--at", help="The instant it is for, such as 2026-11-23T09:00:00Z; now if left out")] = None,
    by: Annotated[str | None, typer.Option(metavar="NAME", help="Who does it; LETTERPRESS_BY or the system's user if left out")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Decide for recipients who were active lately what the placements of pages show them, and publish it.

    The same instant is the same refresh: repeating it repeats nothing. What is left of an earlier one that died ends with it.
    """
    from runtime.services import adopt_prefect_environment, check_prefect, decision_store_running, ensure_prefect

    adopt_prefect_environment(load_settings())  # before Prefect is imported
    from flows.open_refresh import open_refresh
    from flows.send_campaign import resume_send
    from letterpress.running import through_prefect
    from runtime.house import shared_house

    house, scheduled_at = shared_house(), instant(at)
    check_prefect()
    with decision_store_running(house.settings):
        send_id = open_refresh.fn(campaign, scheduled_at, who(by))  # mistakes are told before Prefect is started
        ensure_prefect(house.settings)
        through_prefect(house, send_id, lambda: resume_send(send_id), as_json=as_json)
