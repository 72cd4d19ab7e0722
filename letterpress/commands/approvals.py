"""`letterpress approvals` and `letterpress approve`: another person looks at a send before it goes out."""

from dataclasses import replace
from typing import Annotated

import typer

from letterpress.output import emit
from runtime.people import who

JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document")]


def app_commands(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(approvals)
    app.command()(approve)


def approvals(
    send_id: Annotated[
        str | None, typer.Argument(metavar="SEND", help="Show what there is to approve in this one; all if left out")
    ] = None,
    as_json: JSON = False,
) -> None:
    """List the sends that wait for approval and those that have it; with a SEND, show what would be approved. Approves nothing."""
    from flows.approve_send import for_approval
    from letterpress.approval_view import listed, listing, what_is_approved
    from runtime.house import shared_house

    house = shared_house()
    if send_id is None:
        waiting = listed(house)
        emit(waiting, as_json=as_json, text=lambda: listing(waiting))
    else:
        seen = for_approval(house, house.send(send_id).send_id)
        emit(seen, as_json=as_json, text=lambda: what_is_approved(seen))


def approve(
    send_id: Annotated[str, typer.Argument(metavar="SEND", help="The send's id")],
    by: Annotated[str | None, typer.Option(help="Who approves it; LETTERPRESS_BY or the system's user if left out")] = None,
    as_json: JSON = False,
) -> None:
    """Approve a send that somebody else opened: this content, to this audience, and no other. `letterpress resume` then lets it go."""
    from flows.approve_send import approve_send, for_approval
    from letterpress.approval_view import what_is_approved
    from runtime.house import shared_house

    house = shared_house()
    seen = for_approval(house, house.send(send_id).send_id)
    approved = replace(seen, approval=approve_send(house, seen, who(by)))
    emit(approved, as_json=as_json, text=lambda: what_is_approved(approved))
