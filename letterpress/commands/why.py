"""`letterpress why`: what was decided for one recipient in a send, or for a placement of a page, from what; and the very letter again."""

from pathlib import Path
from typing import Annotated

import typer

from domain.errors import InputError
from domain.ids import SendId, is_of_session, refresh_of
from letterpress.output import emit


def app_commands(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(why)


def why(
    send_id: Annotated[str, typer.Argument(metavar="[SEND]", help="A send's or refresh's id; left out with --placement")],
    recipient: Annotated[str | None, typer.Argument(help="A recipient's id or address")] = None,
    *,
    placement: Annotated[
        str | None, typer.Option(help="What pages show there now, such as web.home_hero: letterpress why RECIPIENT --placement …")
    ] = None,
    eml: Annotated[Path | None, typer.Option(help="Write the letter, printed again, to this file")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Why a recipient got what they got: candidates, scores, chances, what spoke for the winner; and the same bytes again."""
    from letterpress.explanation import explain, of_placement, shown_send
    from letterpress.session_why import explain_session, held_session
    from letterpress.session_why_view import session_why_view
    from letterpress.why_view import why_view
    from runtime.house import shared_house

    house = shared_house()
    who = recipient or send_id
    if not recipient and not placement:
        raise InputError(
            "say which send, or which placement",
            hint="letterpress why SEND RECIPIENT, or: letterpress why RECIPIENT --placement PLACEMENT",
        )
    session = SendId(send_id) if recipient else held_session(house, who, str(placement))
    if session and is_of_session(session):
        within = explain_session(house, session, who)
        emit(within, as_json=as_json, text=lambda: session_why_view(within))
        return
    send = house.send(refresh_of(SendId(send_id))) if recipient else shown_send(house, who, str(placement))
    found, letter = explain(house, send, who)
    found = of_placement(found, placement) if placement else found
    if eml:
        if letter is None:
            raise InputError(f"there is no letter for {who!r}", hint=f"not written to: {found.exclusion or 'not decided yet'}")
        eml.write_bytes(letter.mime)
    emit(found, as_json=as_json, text=lambda: why_view(found))
