"""Leave out the rest: at the deadline of a send, whoever is left gets no letter, with that reason in the ledger."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from delivery.departures.course import rules_of
from domain.ids import SendId, message_id_of
from domain.ledger import LeftOut
from domain.message import Exclusion
from flows.hand_off_due import still_waiting
from flows.run_stage import open_shards, shard_name
from runtime.clock import now
from runtime.house import shared_house


@task(name="leave out the rest", cache_policy=NO_CACHE)
def leave_out_the_rest(send_id: SendId, shards: list[int]) -> None:
    """Exclude those of each unfinished shard whose letters are not settled. What is unknown stays unknown."""
    house = shared_house()
    send = house.send(send_id)
    rules = rules_of(send, house.contents.load(send.content_version).campaign)
    for shard in open_shards(house, send_id, "handoff", shards):
        audience = house.lake.read("audience", {"send_id": send_id}, name=shard_name(shard))
        waiting = still_waiting(house, send, rules, audience)
        left_out = [LeftOut(message_id_of(send_id, who), send_id, who, shard, Exclusion.DEADLINE) for who in waiting]
        house.ledger.record_left_out(left_out, at=now())
        house.sends.finish_shard(send_id, shard, "handoff", {}, now())
