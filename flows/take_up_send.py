"""Take up a send: make it this run's, settle what dead runs left claimed, and open again what has letters left."""

from delivery.departures.waves import shares_of
from domain.errors import InputError
from domain.ids import SendId
from domain.send import SendStatus
from flows.draw_up_timetable import wave_stage
from flows.give_back_unknowns import give_back_unknowns
from flows.pause_send import forget_note
from flows.reconcile_send import reconcile_send
from runtime.clock import now
from runtime.house import House

_OPEN = {SendStatus.PLANNED, SendStatus.RUNNING, SendStatus.PAUSED}


def take_up_send(house: House, send_id: SendId) -> None:
    """RUNNING from here on, unless it has ended. InputError where another run is alive, be it a last worker of a dead one; what a dead
    one had claimed is UNKNOWN, or whatever can be proved, or repeated."""
    if live := house.runs.live(send_id, now()):
        raise InputError(f"{send_id} is being worked on by process {live[0].pid}", hint=f"letterpress pause {send_id}")
    forget_note(house, send_id)
    if house.send(send_id).status not in _OPEN:
        return
    reconcile_send(house, send_id, taken_up=True)
    give_back_unknowns(house, send_id)
    reopen_shards(house, send_id)
    house.sends.set_status(send_id, SendStatus.RUNNING, None, now(), expected=_OPEN)


def reopen_shards(house: House, send_id: SendId) -> None:
    """Shards with letters that were given back are to be handed off again, whatever stage they had reached."""
    shards = house.ledger.pending_shards(send_id)
    waves = shares_of(house.contents.load(house.send(send_id).content_version).campaign.waves)
    for stage in ("handoff", *(wave_stage(wave) for wave, _ in enumerate(waves, 1))) if shards else ():
        house.sends.reopen_shards(send_id, stage, shards)
