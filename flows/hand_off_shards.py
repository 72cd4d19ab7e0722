"""Hand off whole shards, one after the other: a send that goes out in one go."""

from contextlib import suppress

from prefect import task
from prefect.cache_policies import NO_CACHE

from delivery.stopping import SendStopped, TimeIsUp
from domain.ids import SendId
from domain.message import MessageStatus
from flows.dispatch_letters import Dispatch, dispatch_letters, dispatching, read_audience
from flows.run_stage import open_shards
from runtime.clock import now
from runtime.house import shared_house


@task(name="hand off", cache_policy=NO_CACHE)
def hand_off_shards(send_id: SendId, shards: list[int], run_id: str) -> None:
    """Hand off each of these shards that is not finished; returns early when the send is paused or cancelled, or its deadline passes."""
    house = shared_house()
    with dispatching(house, send_id, run_id) as dispatch, suppress(SendStopped, TimeIsUp):  # the stage finds out by itself
        for shard in open_shards(house, send_id, "handoff", shards):
            _hand_off(dispatch, shard)


def _hand_off(dispatch: Dispatch, shard: int) -> None:
    house, send_id = dispatch.house, dispatch.send.send_id
    audience = read_audience(dispatch, shard)
    before = house.ledger.statuses(send_id, audience["recipient_id"])
    done = [recipient for recipient, status in before.items() if status is not MessageStatus.PENDING]
    counts = dispatch_letters(dispatch, audience, shard=shard, done=done)
    if not counts.deferred:  # what the ESP put off is PENDING: the shard stays open for `resume`
        house.sends.finish_shard(send_id, shard, "handoff", {}, now())
