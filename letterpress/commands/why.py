"""`letterpress why SEND RECIPIENT`: what was decided for one recipient, from what, and the very letter again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.table import Column, Table

from domain.errors import InputError
from letterpress.output import emit

if TYPE_CHECKING:
    from letterpress.explanation import Candidate, Why


def app_commands(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(why)


def why(
    send_id: Annotated[str, typer.Argument(metavar="SEND", help="A send's id")],
    recipient: Annotated[str, typer.Argument(help="A recipient's id or address")],
    eml: Annotated[Path | None, typer.Option(help="Write the letter, printed again, to this file")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Why a recipient got what they got: candidates, exclusions, scores, propensities, versions; prints the same bytes again."""
    from letterpress.explanation import explain
    from runtime.house import shared_house

    house = shared_house()
    found, letter = explain(house, house.send(send_id), recipient)
    if eml:
        if letter is None:
            raise InputError(f"there is no letter for {recipient!r}", hint=f"not written to: {found.exclusion or 'not decided yet'}")
        eml.write_bytes(letter.mime)
    emit(found, as_json=as_json, text=lambda: _shown(found))


def _shown(why: "Why") -> Group:
    head = [f"{why.recipient_id} in {why.send_id}", f"as of {why.as_of:%Y-%m-%d %H:%M:%S %Z}, content {why.content_version}"]
    head.append(f"model {why.model_version or 'none: uniform choice'}, arm {why.arm or '-'}")
    if why.exclusion:
        return Group(*head, f"not written to: {why.exclusion}")
    placements = dict.fromkeys(one.placement for one in why.candidates)
    tables = (_placement(name, [one for one in why.candidates if one.placement == name]) for name in placements)
    return Group(*head, *tables, _message_line(why))


def _placement(name: str, candidates: "list[Candidate]") -> Table:
    """The candidates of a placement, what was chosen first."""
    rows = Table(Column(name, no_wrap=True), box=None, title_justify="left")
    for heading in ("position", "score", "propensity", "prefix"):
        rows.add_column(heading, justify="right")
    rows.add_column("why not", overflow="fold")
    for one in sorted(candidates, key=lambda one: (one.position or len(candidates) + 1, -(one.score or 0.0))):
        numbers = (_number(one.score), _number(one.propensity), _number(one.prefix_propensity))
        rows.add_row(one.variant, str(one.position or ""), *numbers, one.excluded or "")
    return rows


def _message_line(why: "Why") -> str:
    if why.message is None:
        return "the ledger has no message: it was not handed off yet"
    told = f"message {why.message.message_id}: {why.message.status}" + (f" ({why.message.reason})" if why.message.reason else "")
    if why.same_bytes is None:
        return told
    return told + ("; printed again, it is the same byte for byte" if why.same_bytes else "; PRINTED AGAIN, IT DIFFERS")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
