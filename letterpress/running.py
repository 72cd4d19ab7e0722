"""Run a send, or a refresh, through Prefect with its progress shown, and say afterwards where it stands."""

from collections.abc import Callable
from contextlib import suppress

from httpx import TransportError

from domain.campaign import Surface
from domain.errors import UnavailableError
from domain.ids import SendId
from domain.send import Send
from letterpress.output import emit, errors
from letterpress.refresh_view import refresh_table, refresh_view
from letterpress.send_view import table, view
from letterpress.watching import watching
from runtime.house import House


def through_prefect(house: House, send_id: SendId, work: Callable[[], object], *, as_json: bool) -> None:
    """Do the work on this send, then answer. Whatever stops it is told after how to go on."""
    try:
        with watching(house, send_id):
            work()
    except TransportError:
        _say_how_to_go_on(house, send_id)
        raise UnavailableError("Prefect's server does not answer", hint="letterpress up") from None
    except BaseException:
        _say_how_to_go_on(house, send_id)
        raise
    answer(house, house.send(send_id), as_json=as_json)


def answer(house: House, found: Send, *, as_json: bool) -> None:
    """Where a send stands; or a refresh, which has no letters to tell of."""
    if found.surface is Surface.WEB:
        refreshed = refresh_view(house, found)
        emit(refreshed, as_json=as_json, text=lambda: refresh_table(refreshed))
    else:
        seen = view(house, found)
        emit(seen, as_json=as_json, text=lambda: table(seen))


def _say_how_to_go_on(house: House, send_id: SendId) -> None:
    """Before the reason is told. A send that was taken back, because there was nobody to write to, cannot go on."""
    with suppress(UnavailableError):
        if house.sends.get(send_id) is None:
            return
    errors.print(f"{send_id} stopped on its way; `letterpress resume {send_id}` goes on where it was", markup=False, soft_wrap=True)
