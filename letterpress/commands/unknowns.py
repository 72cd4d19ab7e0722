"""`letterpress unknowns`: the letters of which nobody knows whether they went out, why, and what will become of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.table import Table

from domain.ids import MessageId, RecipientId, SendId
from letterpress.output import emit
from runtime.clock import now

if TYPE_CHECKING:
    from domain.send import Send
    from runtime.house import House


@dataclass(frozen=True, slots=True)
class Unknown:
    """One such letter. `since`: when it became unknown. `fate` and `fate_at`: what happens next, in words `next`."""

    send_id: SendId
    recipient_id: RecipientId
    message_id: MessageId
    reason: str | None
    since: datetime | None
    esp: str | None
    fate: str
    fate_at: datetime | None
    next: str


def app_commands(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(unknowns)


def unknowns(
    send_id: Annotated[str | None, typer.Argument(metavar="SEND", help="A send's id; the latest if left out")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """List the letters of which nobody knows whether they went out. No addresses: `letterpress why` tells of one recipient."""
    from letterpress.send_view import chosen_send
    from runtime.house import shared_house

    house = shared_house()
    send = chosen_send(house, send_id)
    found = unknown_letters(house, send)
    emit(found, as_json=as_json, text=lambda: shown(send, found))


def unknown_letters(house: "House", send: "Send") -> list[Unknown]:
    """The unknown letters of a send, by recipient; what dead runs left claimed is among them."""
    from contextlib import closing

    from delivery.departures.course import deadline_of
    from delivery.prospects import prospect_of
    from domain.send import SendStatus
    from flows.open_esp import open_esp

    house.ledger.orphan(send.send_id, [run.run_id for run in house.runs.dead(send.send_id, now())], now())
    campaign = house.contents.load(send.content_version).campaign
    found: list[Unknown] = []
    with closing(open_esp(house, campaign)) as esp:
        for entry in house.ledger.unknowns(send.send_id):
            cancelled, last = send.status is SendStatus.CANCELLED, deadline_of(send, campaign)
            prospect = prospect_of(entry, esp, campaign.departure, last=last, at=now(), cancelled=cancelled)
            told = (entry.send_id, entry.recipient_id, entry.message_id, entry.reason, entry.answered_at, entry.esp)
            found.append(Unknown(*told, prospect.fate.value, prospect.at, str(prospect)))
    return sorted(found, key=lambda one: one.recipient_id)


def shown(send: "Send", found: Sequence[Unknown]) -> Group | str:
    """The list as a table, and how many there are of each fate."""
    if not found:
        return f"{send.send_id}: of every letter it is known whether it went out"
    rows = Table("recipient", "reason", "since (UTC)", "handed to", "what becomes of it")
    for one in found:
        since = f"{one.since:%Y-%m-%d %H:%M}" if one.since else ""
        rows.add_row(one.recipient_id, one.reason or "", since, one.esp or "", one.next)
    sums = ", ".join(f"{count:,} {fate.replace('_', ' ')}" for fate, count in sorted(Counter(one.fate for one in found).items()))
    return Group(f"{send.send_id}: {len(found):,} unknown ({sums})", rows)
