"""The life of a send: send, status, pause, resume, cancel. What is heavy is imported when a command needs it."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from domain.errors import InputError, UnavailableError
from domain.ids import SendId
from domain.send import SendStatus
from letterpress.instants import instant
from letterpress.output import emit, errors
from runtime.clock import now
from runtime.settings import load_settings

if TYPE_CHECKING:
    from runtime.house import House

JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document")]
SendArgument = Annotated[str | None, typer.Argument(metavar="SEND", help="A send's id; the latest if left out")]


def app_commands(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (send, status, pause, resume, cancel):
        app.command()(command)


def send(
    campaign: Annotated[str, typer.Argument(help="The campaign's folder name")],
    at: Annotated[str | None, typer.Option("--at", help="The instant it is for, such as 2026-11-23T09:00:00Z; now if left out")] = None,
    as_json: JSON = False,
) -> None:
    """Send a campaign: select, decide, print, hand off. The same instant is the same send: repeating it repeats nothing."""
    from runtime.services import adopt_prefect_environment, check_prefect, decision_store_running, ensure_prefect

    adopt_prefect_environment(load_settings())  # before Prefect is imported
    from flows.open_send import open_send
    from flows.send_campaign import send_campaign
    from runtime.house import shared_house

    house, scheduled_at = shared_house(), instant(at)
    check_prefect()
    with decision_store_running(house.settings):
        send_id = open_send.fn(campaign, scheduled_at)  # mistakes are told before Prefect is started
        ensure_prefect(house.settings)
        _through_prefect(house, send_id, lambda: send_campaign(campaign, scheduled_at), as_json)


def resume(send_id: SendArgument = None, as_json: JSON = False) -> None:
    """Take up a send that was paused, or whose run died. What is finished is not repeated."""
    from runtime.services import adopt_prefect_environment, check_prefect, decision_store_running, ensure_prefect

    adopt_prefect_environment(load_settings())  # before Prefect is imported
    from flows.send_campaign import resume_send
    from letterpress.send_view import chosen_send, view
    from runtime.house import shared_house

    house = shared_house()
    found = chosen_send(house, send_id)
    if found.status in {SendStatus.FINISHED, SendStatus.CANCELLED}:
        emit(view(house, found), as_json=as_json, text=lambda: f"{found.send_id} is {found.status}; nothing to resume")
        return
    check_prefect()
    with decision_store_running(house.settings):
        ensure_prefect(house.settings)
        _through_prefect(house, found.send_id, lambda: resume_send(found.send_id), as_json)


def status(send_id: SendArgument = None, as_json: JSON = False) -> None:
    """Where a send stands: its account by reason, and why it stopped if it did."""
    from letterpress.send_view import chosen_send, table, view
    from runtime.house import shared_house

    house = shared_house()
    seen = view(house, chosen_send(house, send_id))
    emit(seen, as_json=as_json, text=lambda: table(seen))


def pause(send_id: SendArgument = None, as_json: JSON = False) -> None:
    """Pause a running send: what is being handed off is finished, nothing more is begun."""
    _ask(send_id, SendStatus.PAUSED, "paused by hand", {SendStatus.PLANNED, SendStatus.RUNNING}, as_json)


def cancel(send_id: SendArgument = None, as_json: JSON = False) -> None:
    """Cancel a send for good: who was not reached yet is excluded from it, as cancelled."""
    _ask(send_id, SendStatus.CANCELLED, "cancelled by hand", {SendStatus.PLANNED, SendStatus.RUNNING, SendStatus.PAUSED}, as_json)


def _through_prefect(house: "House", send_id: SendId, work: Callable[[], object], as_json: bool) -> None:
    from httpx import TransportError

    from letterpress.send_view import table, view
    from letterpress.watching import watching

    try:
        with watching(house, send_id):
            work()
    except TransportError:
        _say_how_to_go_on(house, send_id)
        raise UnavailableError("Prefect's server does not answer", hint="letterpress up") from None
    except BaseException:
        _say_how_to_go_on(house, send_id)
        raise
    seen = view(house, house.send(send_id))
    emit(seen, as_json=as_json, text=lambda: table(seen))


def _say_how_to_go_on(house: "House", send_id: SendId) -> None:
    """Before the reason is told. A send that was taken back, because there was nobody to write to, cannot go on."""
    with suppress(UnavailableError):
        if house.sends.get(send_id) is None:
            return
    errors.print(f"{send_id} stopped on its way; `letterpress resume {send_id}` goes on where it was", markup=False, soft_wrap=True)


def _ask(send_id: str | None, wanted: SendStatus, reason: str, expected: set[SendStatus], as_json: bool) -> None:
    from letterpress.send_view import chosen_send, table, view
    from runtime.house import shared_house

    house = shared_house()
    found = chosen_send(house, send_id)
    if not house.sends.set_status(found.send_id, wanted, reason, now(), expected=expected):
        raise InputError(f"{found.send_id} is {house.send(found.send_id).status}", hint="letterpress status")
    seen = view(house, house.send(found.send_id))
    emit(seen, as_json=as_json, text=lambda: table(seen))
