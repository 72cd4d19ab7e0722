"""`letterpress report`: what a send did, arm by arm, and what personalising gained."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.table import Table

from letterpress.output import emit

if TYPE_CHECKING:
    from experiments.report import SendReport


def app_commands(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(report)


def report(
    send_id: Annotated[str | None, typer.Argument(metavar="SEND", help="A send's id; the latest if left out")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Clicks per arm with intervals, and whether personalised content did better than default content."""
    from flows.report_send import report_on
    from letterpress.send_view import chosen_send
    from runtime.house import shared_house

    house = shared_house()
    found = report_on(house, chosen_send(house, send_id))
    emit(found, as_json=as_json, text=lambda: shown(found))


def shown(found: "SendReport") -> Group:
    """The report as a table and a sentence."""
    rows = Table("arm")
    for name in ("handed off", "clicked", "click rate", "95 % interval"):
        rows.add_column(name, justify="right")
    for arm in found.arms:
        interval = f"{arm.interval.low:.2%} to {arm.interval.high:.2%}"
        rows.add_row(arm.arm.value, f"{arm.handed_off:,}", f"{arm.clicked:,}", f"{arm.click_rate:.2%}", interval)
    return Group(f"report of {found.send_id}", rows, found.verdict)
