"""Take up a send: make it this run's, and settle what dead runs left claimed."""

from contextlib import closing

from delivery.reconcile import reconcile
from domain.errors import InputError
from domain.ids import SendId
from domain.send import SendStatus
from flows.open_esp import open_esp
from flows.pause_send import forget_note
from runtime.clock import now
from runtime.house import House

_OPEN = {SendStatus.PLANNED, SendStatus.RUNNING, SendStatus.PAUSED}


def take_up_send(house: House, send_id: SendId) -> None:
    """RUNNING from here on, unless it has ended. InputError where another run is alive; what a dead one had claimed is
    UNKNOWN, or whatever the ESP can prove."""
    if live := house.runs.live(send_id, now()):
        raise InputError(f"{send_id} is being worked on by process {live[0].pid}", hint=f"letterpress pause {send_id}")
    forget_note(house, send_id)
    house.ledger.orphan(send_id, [run.run_id for run in house.runs.dead(send_id, now())], now())
    campaign = house.contents.load(house.send(send_id).content_version).campaign
    with closing(open_esp(house, campaign)) as esp:
        reconcile(house.ledger, esp, send_id, at=now())
    house.sends.set_status(send_id, SendStatus.RUNNING, None, now(), expected=_OPEN)
