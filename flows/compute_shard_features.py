"""Compute the features that a send decides by: for many shards in one pass over history, into the lake as they are served."""

from collections.abc import Sequence

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.ids import SendId
from domain.send import Send
from flows.load_history import load_history
from flows.load_model import load_model
from flows.run_stage import open_shards, shard_name
from ranking.features import compute_features, serving_spine
from ranking.layout import FeatureFrame
from ranking.model import RankingModel
from runtime.clock import now
from runtime.house import House, shared_house
from storage.recipients import expand

BLOCK = 250_000  # recipients per pass over history, unless settings say otherwise


@task(name="compute features", cache_policy=NO_CACHE)
def compute_shard_features(send_id: SendId, shards: list[int]) -> None:
    """Compute and keep the features of each of these shards that has none yet, block by block."""
    house = shared_house()
    send, admitted = house.send(send_id), admitted_by_shard(house, send_id)
    model = load_model(house, send.model_version)
    if model is None:
        raise ValueError(f"{send_id} has no model, so there are no features to compute")
    for block in blocks(shards, sum(admitted[shard] for shard in shards), house.settings.feature_block):
        _compute(house, send, model, list(open_shards(house, send_id, "features", block)))


def _compute(house: House, send: Send, model: RankingModel, shards: Sequence[int]) -> None:
    partition = {"send_id": send.send_id}
    audiences = [house.lake.read("audience", partition, name=shard_name(shard)) for shard in shards]
    for shard, features in zip(shards, features_of(house, send, model, audiences), strict=True):
        house.lake.write("features", features.to_pandas(), partition=partition, name=shard_name(shard))
        house.sends.finish_shard(send.send_id, shard, "features", {"recipients": len(features)}, now())


def features_of(house: House, send: Send, model: RankingModel, audiences: Sequence[pd.DataFrame]) -> Sequence[FeatureFrame]:
    """Features of the admitted recipients of each audience, in its order: one pass over history for all. Writes nothing."""
    if not audiences:
        return []
    kinds = house.recipients.attributes()
    admitted = [expand(audience[audience["exclusion"].isna()], kinds) for audience in audiences]
    together, settings = serving_spine(pd.concat(admitted, ignore_index=True), send.as_of), house.settings
    limits = {"threads": settings.feature_threads, "memory_mb": settings.feature_memory_mb}
    return compute_features(together, load_history(house), model.parameters, **limits).cut(list(map(len, admitted)))


def feature_tasks(house: House, send_id: SendId) -> int:
    """In how many tasks the features of a send are computed: one per block that its audience fills."""
    return max(1, -(-sum(admitted_by_shard(house, send_id).values()) // house.settings.feature_block))


def admitted_by_shard(house: House, send_id: SendId) -> dict[int, int]:
    """How many recipients of each shard are written to."""
    return {shard: counts["admitted"] for shard, counts in house.sends.finished_shards(send_id, "audience").items()}


def blocks(shards: Sequence[int], recipients: int, most: int = BLOCK) -> list[Sequence[int]]:
    """The shards, which hold so many recipients, cut into runs of about `most` recipients each."""
    count = max(1, min(len(shards), round(recipients / most)))
    return [shards[at * len(shards) // count : (at + 1) * len(shards) // count] for at in range(count)]
