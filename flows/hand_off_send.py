"""Hand off a send: in one go, or in stages where its campaign says so; until its deadline, if it has one."""

from delivery.departures.course import deadline_of, in_stages
from domain.ids import SendId
from flows.hand_off_shards import hand_off_shards
from flows.hand_off_waves import hand_off_waves
from flows.leave_out_the_rest import leave_out_the_rest
from flows.run_stage import run_stage
from flows.tell import telling_of_gates
from runtime.clock import now
from runtime.house import House


def hand_off_send(house: House, send_id: SendId, run_id: str) -> None:
    """Hand off all that may leave. Raises what stopped it, or SendStopped when somebody paused or cancelled the send, or a gate did."""
    send = house.send(send_id)
    campaign = house.contents.load(send.content_version).campaign
    if in_stages(campaign):
        with telling_of_gates(house, send):
            hand_off_waves(house, send_id, run_id)
    else:
        run_stage(house, send_id, "handoff", hand_off_shards, run_id=run_id)
    deadline = deadline_of(send, campaign)
    if deadline and now() >= deadline:
        run_stage(house, send_id, "deadline", leave_out_the_rest, tasks=house.settings.workers)
