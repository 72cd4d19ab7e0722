"""Decide for the recipients of a shard: scores, choices with propensities; into the lake and the decision store."""

from dataclasses import dataclass
from datetime import timedelta

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.decision import Arm
from domain.ids import SendId
from flows.load_basis import Basis, load_basis
from flows.prepare_choices import ShardInputs, prepare_choices, read_inputs
from flows.price_variants import prices_for
from flows.run_stage import open_shards, shard_name
from ranking.decide import Prices, count_variants, decide, published
from runtime.clock import now
from runtime.house import shared_house


@task(name="decide", cache_policy=NO_CACHE)
def decide_shards(send_id: SendId, shards: list[int]) -> None:
    """Decide and publish for each of these shards that is not decided yet."""
    house = shared_house()
    basis = load_basis(house, send_id)
    prices, ttl = prices_for(basis), timedelta(hours=house.settings.decision_ttl_hours)
    for shard in open_shards(house, send_id, "decisions", shards):
        decided = decide_for(basis, read_inputs(basis, shard), prices)
        house.lake.write("decisions", decided.decisions, partition={"send_id": send_id}, name=shard_name(shard))
        house.decisions.publish(published(decided.decisions), ttl=ttl, at=basis.send.as_of)
        house.sends.finish_shard(send_id, shard, "decisions", decided.variants | decided.constraints, now())


@dataclass(frozen=True, slots=True)
class Decided:
    """The decisions of some recipients, how often each `placement/variant` was chosen, and how many recipients each constraint touched."""

    decisions: pd.DataFrame
    variants: dict[str, int]
    constraints: dict[str, int]


def decide_for(basis: Basis, inputs: ShardInputs, prices: Prices) -> Decided:
    """Decide for the admitted recipients of an audience. Writes nothing."""
    recipients, sets = prepare_choices(basis, inputs)
    decisions = decide(recipients, sets, content=basis.content, model=basis.model, send=basis.send, prices=prices)
    drawn = (recipients["arm"] != Arm.HOLDOUT).to_numpy(dtype=bool)
    return Decided(decisions, count_variants(decisions), sets.counts(drawn))
