"""Hand off the letters of a shard: print each, claim it in the ledger, give it to the ESP, write down the answer."""

from contextlib import closing, suppress
from random import Random

from prefect import task
from prefect.cache_policies import NO_CACHE

from delivery.backoff import Patience
from delivery.compose import Composer
from delivery.esp.port import Esp
from delivery.handoff import hand_off
from delivery.stopping import SendStopped
from domain.ids import SendId
from domain.message import MessageStatus
from domain.send import Send
from flows.open_esp import open_esp
from flows.open_press import press_for
from flows.print_letters import print_letters
from flows.run_stage import open_shards, shard_name
from runtime.clock import now
from runtime.house import House, shared_house


@task(name="hand off", cache_policy=NO_CACHE)
def hand_off_shards(send_id: SendId, shards: list[int], run_id: str) -> None:
    """Hand off each of these shards that is not finished; returns early when the send is paused or cancelled meanwhile."""
    house = shared_house()
    send = house.send(send_id)
    content = house.contents.load(send.content_version)
    esp, press = open_esp(house, content.campaign), press_for(house, content, send)
    with closing(esp), suppress(SendStopped):  # the stage finds out by the send's status
        for shard in open_shards(house, send_id, "handoff", shards):
            _hand_off(house, send, press, esp, shard=shard, run_id=run_id)


def _hand_off(house: House, send: Send, press: Composer, esp: Esp, *, shard: int, run_id: str) -> None:
    partition, name = {"send_id": send.send_id}, shard_name(shard)
    audience = house.lake.read("audience", partition, name=name)
    decisions = house.lake.read("decisions", partition, name=name)
    before = house.ledger.statuses(send.send_id, audience["recipient_id"])
    done = [recipient for recipient, status in before.items() if status is not MessageStatus.PENDING]
    counts = hand_off(
        print_letters(press, send, audience, decisions, shard=shard, done=done),
        esp,
        house.ledger,
        run_id=run_id,
        shard=shard,
        clock=now,
        control=lambda: house.send(send.send_id).status,
        rng=Random(run_id),
        concurrency=house.settings.handoff_connections,
        batch_size=house.settings.handoff_batch,
        patience=Patience(rounds=house.settings.handoff_rounds, settle_for=house.settings.settle_seconds),
    )
    if not counts.deferred:  # what the ESP put off is PENDING: the shard stays open for `resume`
        house.sends.finish_shard(send.send_id, shard, "handoff", {}, now())
