"""`letterpress audience`: who a campaign would write to now, and why it leaves out the others."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from letterpress.instants import instant
from letterpress.output import emit, progress

if TYPE_CHECKING:
    from audience.counts import AudienceCounts


def app_commands(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(audience)


def audience(
    campaign: Annotated[str, typer.Argument(help="The campaign's folder name")],
    at: Annotated[str | None, typer.Option("--at", help="As if it were sent at this instant; now if left out")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Count who would get the campaign's letter, or be decided for on pages, and who would not, by reason. Opens and writes nothing."""
    from audience.counts import AudienceCounts
    from domain.campaign import Surface
    from flows.count_visitors import count_visitors
    from flows.plan_send import checked_content, planned_send
    from flows.select_audience import selected
    from runtime.house import shared_house

    house, as_of = shared_house(), instant(at)
    content = checked_content(house, campaign)
    on_page, counts = content.campaign.surface is Surface.WEB, AudienceCounts()
    with progress() as shown:
        if on_page:
            shown.add_task("counting", total=None)
            counts = count_visitors(house, content, as_of)
        else:
            send = planned_send(house, content, as_of, as_of)
            for shard in shown.track(range(send.shards), description="counting"):
                counts += selected(house, send, content.campaign, shard)[1]
    said = {"campaign": campaign, "as_of": as_of, **_as_document(counts)}
    emit(said, as_json=as_json, text=lambda: _table(campaign, counts, "would be decided for" if on_page else "would get a letter"))


def _as_document(counts: "AudienceCounts") -> dict[str, object]:
    return {"candidates": counts.candidates, "matched": counts.matched, "admitted": counts.admitted, "excluded": dict(counts.excluded)}


def _table(campaign: str, counts: "AudienceCounts", admitted: str) -> Table:
    shown = Table("recipients", title=f"audience of {campaign}", title_justify="left")
    shown.add_column("count", justify="right")
    rows = [("known", counts.candidates), ("match the audience expression", counts.matched)]
    rows += [(f"excluded: {reason}", number) for reason, number in counts.excluded.items()]
    for name, number in [*rows, (admitted, counts.admitted)]:
        shown.add_row(name, f"{number:,}")
    return shown
