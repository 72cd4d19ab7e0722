"""Decide for the recipients of a shard: scores, choices with propensities; into the lake and the decision store."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.campaign import Surface
from domain.decision import Arm
from domain.ids import SendId
from flows.load_basis import Basis, load_basis
from flows.prepare_choices import ShardInputs, halves, prepare_choices, read_inputs
from flows.price_variants import prices_for
from flows.run_stage import open_shards, shard_name
from ranking.deciding.contexts import added_up, context_sums
from ranking.deciding.decide import Prices, count_variants, decide, published
from runtime.clock import now
from runtime.house import shared_house

CONTEXTS = "context_sums"  # lake table


@task(name="decide", cache_policy=NO_CACHE)
def decide_shards(send_id: SendId, shards: list[int], until: str = "") -> None:
    """Decide and publish for each of these shards that is not decided yet. `until`: an instant (ISO 8601) after which none is begun."""
    house = shared_house()
    basis = load_basis(house, send_id)
    prices = prices_for(basis)
    for shard in open_shards(house, send_id, "decisions", shards):
        if until and now() >= datetime.fromisoformat(until):
            return
        decided = decide_for(basis, read_inputs(basis, shard), prices)
        house.lake.write(basis.decisions, decided.decisions, partition={"send_id": send_id}, name=shard_name(shard))
        if decided.contexts is not None:
            house.lake.write(CONTEXTS, decided.contexts, partition={"send_id": send_id}, name=shard_name(shard))
        house.decisions.publish(published(decided.decisions), ttl=basis.ttl, at=basis.send.as_of)
        house.sends.finish_shard(send_id, shard, "decisions", decided.variants | decided.constraints, now())


@dataclass(frozen=True, slots=True)
class Decided:
    """The decisions of some recipients, how often each `placement/variant` was chosen, and how many recipients each constraint touched.
    `contexts`: what the model says of the contexts they are of (`ranking.deciding.contexts`); None where the campaign asks for none."""

    decisions: pd.DataFrame
    variants: dict[str, int]
    constraints: dict[str, int]
    contexts: pd.DataFrame | None = None


def decide_for(basis: Basis, inputs: ShardInputs, prices: Prices) -> Decided:
    """Decide for the admitted recipients of an audience, each by the model that is theirs. Writes nothing."""
    frames, constraints, sums = list[pd.DataFrame](), Counter[str](), list[pd.DataFrame]()
    contexts = basis.content.campaign.refresh.contexts if basis.model and basis.send.surface is Surface.WEB else ()
    for own, part in halves(basis, inputs):
        recipients, sets = prepare_choices(own, part)
        frames.append(decide(recipients, sets, content=own.content, model=own.model, send=own.send, prices=prices))
        if contexts and own.model is basis.model:
            sums.append(context_sums(recipients, sets, contexts))
        constraints.update(sets.counts((recipients["arm"] != Arm.HOLDOUT).to_numpy(dtype=bool)))
    decisions = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
    return Decided(decisions, count_variants(decisions), dict(constraints), added_up(sums) if contexts else None)
