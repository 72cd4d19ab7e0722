"""The life of a send: send, status, pause, resume, cancel. What is heavy is imported when a command needs it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from domain.audit import AuditEntry, Deed
from domain.errors import InputError
from domain.ids import SendId
from domain.send import SendStatus
from letterpress.instants import instant
from letterpress.output import emit
from runtime.clock import now
from runtime.people import who
from runtime.settings import load_settings

if TYPE_CHECKING:
    from domain.send import Send
    from runtime.house import House

JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document")]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who does it; LETTERPRESS_BY or the system's user if left out")]
Why = Annotated[str | None, typer.Option("--why", metavar="WHY", help="Why; kept in the audit trail")]
SendArgument = Annotated[str | None, typer.Argument(metavar="SEND", help="A send's id; the latest if left out")]


def app_commands(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (send, status, pause, resume, cancel):
        app.command()(command)


def send(
    campaign: Annotated[str, typer.Argument(help="The campaign's folder name")],
    *,
    at: Annotated[str | None, typer.Option("--at", help="The instant it is for, such as 2026-11-23T09:00:00Z; now if left out")] = None,
    accept: Annotated[list[str] | None, typer.Option(metavar="CHECK", help="Send in spite of what this check finds; repeatable")] = None,
    because: Annotated[str | None, typer.Option(metavar="WHY", help="Why it is accepted; kept in the audit trail")] = None,
    by: Annotated[str | None, typer.Option(metavar="NAME", help="Who sends; LETTERPRESS_BY or the system's user if left out")] = None,
    as_json: JSON = False,
) -> None:
    """Send a campaign: select, decide, print, hand off. The same instant is the same send: repeating it repeats nothing."""
    from runtime.services import adopt_prefect_environment, check_prefect, decision_store_running, ensure_prefect

    adopt_prefect_environment(load_settings())  # before Prefect is imported
    from delivery.compliance.acceptance import acceptance_of
    from flows.open_send import open_send
    from flows.send_campaign import send_campaign
    from letterpress.running import through_prefect
    from runtime.house import shared_house

    house, scheduled_at, accepting = shared_house(), instant(at), acceptance_of(accept or (), because)
    check_prefect()
    with decision_store_running(house.settings):
        send_id = open_send.fn(campaign, scheduled_at, who(by), accepting)  # mistakes are told before Prefect is started
        ensure_prefect(house.settings)
        _note_resumption(house, send_id, who(by))
        through_prefect(house, send_id, lambda: send_campaign(campaign, scheduled_at), as_json=as_json)


def resume(send_id: SendArgument = None, *, by: By = None, why: Why = None, as_json: JSON = False) -> None:
    """Take up a send that was paused, or whose run died. What is finished is not repeated.

    After a gate tripped, whoever resumes accepts the letters that are out; those to come are judged afresh.
    """
    from runtime.services import adopt_prefect_environment, check_prefect, decision_store_running, ensure_prefect

    adopt_prefect_environment(load_settings())  # before Prefect is imported
    from flows.send_campaign import resume_send
    from letterpress.running import through_prefect
    from letterpress.send_view import chosen_send
    from runtime.house import shared_house

    house, name = shared_house(), who(by)
    found = chosen_send(house, send_id)
    if found.is_over:
        _say_it_is_over(house, found, as_json)
        return
    check_prefect()
    with decision_store_running(house.settings):
        ensure_prefect(house.settings)
        _note_resumption(house, found.send_id, name, why)
        through_prefect(house, found.send_id, lambda: resume_send(found.send_id), as_json=as_json)


def status(send_id: SendArgument = None, as_json: JSON = False) -> None:
    """Where a send stands: its account by reason, and why it stopped if it did."""
    from letterpress.running import answer
    from letterpress.send_view import chosen_send
    from runtime.house import shared_house

    house = shared_house()
    answer(house, chosen_send(house, send_id), as_json=as_json)


def pause(send_id: SendArgument = None, *, by: By = None, why: Why = None, as_json: JSON = False) -> None:
    """Pause a running send: what is being handed off is finished, nothing more is begun."""
    expected = {SendStatus.PLANNED, SendStatus.RUNNING}
    _ask(send_id, _Wish(SendStatus.PAUSED, "paused by hand", Deed.PAUSED, expected), who(by), why, as_json)


def cancel(send_id: SendArgument = None, *, by: By = None, why: Why = None, as_json: JSON = False) -> None:
    """Cancel a send for good: who was not reached yet is excluded from it, as cancelled."""
    expected = {SendStatus.PLANNED, SendStatus.RUNNING, SendStatus.PAUSED}
    _ask(send_id, _Wish(SendStatus.CANCELLED, "cancelled by hand", Deed.CANCELLED, expected), who(by), why, as_json)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a send shall become, by which deed, and what it may be before."""

    status: SendStatus
    reason: str
    deed: Deed
    expected: set[SendStatus]


def _note_resumption(house: "House", send_id: SendId, name: str, why: str | None = None) -> None:
    """Who lets a paused send go on."""
    if house.send(send_id).status is SendStatus.PAUSED:
        house.audit.add(AuditEntry(now(), name, Deed.RESUMED, send_id, why))


def _say_it_is_over(house: "House", found: "Send", as_json: bool) -> None:
    from letterpress.running import answer

    if as_json:
        answer(house, found, as_json=as_json)
    else:
        emit(None, as_json=False, text=lambda: f"{found.send_id} is {found.status}; nothing to resume")


def _ask(send_id: str | None, wish: _Wish, name: str, why: str | None, as_json: bool) -> None:
    from letterpress.running import answer
    from letterpress.send_view import chosen_send
    from runtime.house import shared_house

    house = shared_house()
    found = chosen_send(house, send_id)
    reason = f"{wish.reason}: {why}" if why else wish.reason
    if not house.sends.set_status(found.send_id, wish.status, reason, now(), expected=wish.expected):
        raise InputError(f"{found.send_id} is {house.send(found.send_id).status}", hint="letterpress status")
    house.audit.add(AuditEntry(now(), name, wish.deed, found.send_id, why))
    answer(house, house.send(found.send_id), as_json=as_json)
