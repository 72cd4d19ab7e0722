"""Reconcile a send: what nobody settled is unknown, and what is unknown is found out about as far as it can be."""

from contextlib import closing
from datetime import timedelta
from functools import partial

from delivery.reconcile import Reconciled, reconcile
from domain.ids import SendId
from domain.send import SendStatus
from flows.open_esp import open_esp
from flows.reprint_letters import reprint_letters
from runtime.clock import now, sleep
from runtime.house import House
from storage.runs import SILENCE

_STOPPED = {SendStatus.PAUSED, SendStatus.CANCELLED}
_GLANCE = 1.0  # seconds between two looks at whether the last workers are gone


def reconcile_send(house: House, send_id: SendId, *, taken_up: bool = False) -> Reconciled:
    """Settle what dead or ended runs left claimed, and what events, the ESP or a call that is made again tell about the unknown.

    Safe at any time. `taken_up`: nobody else works on the send, and it goes on. Then what the ESP never had is given back; and calls are
    repeated although the send is paused, which may be the first time that they are carried out.
    """
    house.ledger.orphan(send_id, [run.run_id for run in house.runs.dead(send_id, now())], now())
    if not house.ledger.in_doubt(send_id):
        return Reconciled()
    send = house.send(send_id)
    content = house.contents.load(send.content_version)
    repeats = send.status not in _STOPPED or (taken_up and send.status is not SendStatus.CANCELLED)
    reprint = partial(reprint_letters, house, send, content) if repeats else None
    with closing(open_esp(house, content.campaign)) as esp:
        return reconcile(house.ledger, esp, send_id, clock=now, reprint=reprint, gives_back=taken_up)


def settle_run(house: House, send_id: SendId, run_id: str) -> Reconciled:
    """At the end of a run whose tasks are all over: settle its claims, and those of its workers that went silent, then reconcile."""
    await_workers(house, send_id, run_id)
    house.ledger.orphan(send_id, [run_id], now())
    return reconcile_send(house, send_id)


def await_workers(house: House, send_id: SendId, run_id: str, *, patience: timedelta = 2 * SILENCE) -> None:
    """Wait until no other run that holds claims may still be alive: one on another host is known to be dead once it was silent for long."""
    until = now() + patience
    while now() < until:
        alive = {run.run_id for run in house.runs.live(send_id, now())} - {run_id}
        if not alive & house.ledger.claimed_by(send_id):
            return
        sleep(_GLANCE)
