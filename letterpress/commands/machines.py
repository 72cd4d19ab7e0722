"""`letterpress machines`: what was done by machines rather than people, and how that is known."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.table import Table

from letterpress.output import emit

if TYPE_CHECKING:
    from letterpress.machine_report import MachineReport

_MOST_REASONS = 12


def app_commands(app: typer.Typer) -> None:
    """Register the commands."""
    machines = typer.Typer(help="Clicks and opens by machines: counted apart, with reasons.", no_args_is_help=True)
    machines.callback()(lambda: None)  # keeps `report` a command of its own
    machines.command("report")(report)
    app.add_typer(machines, name="machines")


def report(
    send_id: Annotated[str | None, typer.Argument(metavar="SEND", help="A send's id; the sends of the last days if left out")] = None,
    *,
    days: Annotated[int, typer.Option(min=1, help="How many days back, without a send")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Judge what came back by the present rules, and show who was behind it and why that is believed."""
    from letterpress.machine_report import machine_report
    from runtime.clock import now
    from runtime.house import shared_house

    house = shared_house()
    found = machine_report(house, house.send(send_id) if send_id else None, days=days, at=now())
    emit(found, as_json=as_json, text=lambda: shown(found))


def shown(found: "MachineReport") -> Group:
    """The report as two tables and a sentence."""
    kinds = Table("event", title=f"{len(found.sends)} sends, rules {found.rule_version}", title_justify="left")
    for name in ("all", *(f"{verdict.replace('_', ' ')}" for verdict in found.verdicts), "counted"):
        kinds.add_column(name, justify="right")
    for kind in found.kinds:
        kinds.add_row(kind.kind, f"{kind.events:,}", *(f"{kind.by_verdict[verdict]:,}" for verdict in found.verdicts), f"{kind.counted:,}")
    reasons = Table("left out because", title_justify="left")
    reasons.add_column("events", justify="right")
    for reason in found.reasons[:_MOST_REASONS]:
        reasons.add_row(reason.reason, f"{reason.events:,}")
    return Group(kinds, *([reasons] if found.reasons else []), found.sentence)
