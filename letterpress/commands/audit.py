"""`letterpress audit`: who did what to a send, when, and why."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from letterpress.output import emit

if TYPE_CHECKING:
    from domain.audit import AuditEntry


def app_commands(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(audit)


def audit(
    send_id: Annotated[str | None, typer.Argument(metavar="SEND", help="A send's id; all sends if left out")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """The trail: opened, accepted, approved, paused, resumed, gate tripped, cancelled, finished; in the order in which it was done."""
    from domain.errors import InputError
    from domain.ids import SendId
    from runtime.house import shared_house

    house = shared_house()
    entries = house.audit.of(SendId(send_id) if send_id else None)
    if send_id and not entries and house.sends.get(SendId(send_id)) is None:
        raise InputError(f"there is no send {send_id!r}, and never was", hint="letterpress audit lists all")
    emit(entries, as_json=as_json, text=lambda: _table(entries) if entries else "nothing was done yet")


def _table(entries: "list[AuditEntry]") -> Table:
    table = Table("at (UTC)", "send", "what", "who", "why")
    for one in entries:
        more = "; ".join(f"{name}: {value}" for name, value in one.detail.items())
        why = " ".join(part for part in (one.why, f"({more})" if more else "") if part)
        table.add_row(f"{one.at:%Y-%m-%d %H:%M:%S}", one.send_id or "", one.what.value, Text(one.who), Text(why))
    return table
