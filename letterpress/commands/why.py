"""`letterpress why SEND RECIPIENT`: what was decided for one recipient, from what, and the very letter again."""

from pathlib import Path
from typing import Annotated

import typer

from domain.errors import InputError
from letterpress.output import emit


def app_commands(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(why)


def why(
    send_id: Annotated[str, typer.Argument(metavar="SEND", help="A send's id")],
    recipient: Annotated[str, typer.Argument(help="A recipient's id or address")],
    eml: Annotated[Path | None, typer.Option(help="Write the letter, printed again, to this file")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Why a recipient got what they got: candidates, scores, chances, what spoke for the winner; and the same bytes again."""
    from letterpress.explanation import explain
    from letterpress.why_view import why_view
    from runtime.house import shared_house

    house = shared_house()
    found, letter = explain(house, house.send(send_id), recipient)
    if eml:
        if letter is None:
            raise InputError(f"there is no letter for {recipient!r}", hint=f"not written to: {found.exclusion or 'not decided yet'}")
        eml.write_bytes(letter.mime)
    emit(found, as_json=as_json, text=lambda: why_view(found))
