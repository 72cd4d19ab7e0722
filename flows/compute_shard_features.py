"""Compute the features that a send decides by: for many shards in one pass over history, into the lake as they are served."""

from collections.abc import Sequence

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.ids import ModelVersion, SendId
from domain.send import Send
from flows.load_history import load_history
from flows.load_model import load_model
from flows.run_stage import open_shards, shard_name
from flows.split_by_model import split_by_model
from ranking.features.compute import compute_features, serving_spine
from ranking.layout import FeatureFrame
from ranking.model import RankingModel
from runtime.clock import now
from runtime.house import House, shared_house
from storage.recipients import expand

CANDIDATE_FEATURES = "candidate_features"  # the lake table beside `features`
BLOCK = 250_000  # recipients per pass over history, unless settings say otherwise


@task(name="compute features", cache_policy=NO_CACHE)
def compute_shard_features(send_id: SendId, shards: list[int]) -> None:
    """Compute and keep the features of each of these shards that has none yet, block by block."""
    house = shared_house()
    send, admitted = house.send(send_id), admitted_by_shard(house, send_id)
    if not send.model_version:
        raise ValueError(f"{send_id} has no model, so there are no features to compute")
    for block in blocks(shards, sum(admitted[shard] for shard in shards), house.settings.feature_block):
        _compute(house, send, list(open_shards(house, send_id, "features", block)))


def _compute(house: House, send: Send, shards: Sequence[int]) -> None:
    """Each model's features of those whom it decides for, into a table of its own: two models have two layouts."""
    audiences = [house.lake.read("audience", {"send_id": send.send_id}, name=shard_name(shard)) for shard in shards]
    halves = [split_by_model(house, send, audience) for audience in audiences]
    if any(len(theirs) for _, theirs in halves):
        _serve(house, send, CANDIDATE_FEATURES, shards, served_by(house, send, send.candidate_version, [theirs for _, theirs in halves]))
    own = served_by(house, send, send.model_version, [own for own, _ in halves])
    _serve(house, send, "features", shards, own)
    for shard, audience in zip(shards, audiences, strict=True):
        house.sends.finish_shard(send.send_id, shard, "features", {"recipients": int(audience["exclusion"].isna().sum())}, now())


def served_by(house: House, send: Send, version: ModelVersion | None, audiences: Sequence[pd.DataFrame]) -> Sequence[FeatureFrame]:
    """The features of each audience as a model of this version takes them. Writes nothing."""
    model = load_model(house, version)
    return features_of(house, send, model, audiences) if model else []


def _serve(house: House, send: Send, table: str, shards: Sequence[int], found: Sequence[FeatureFrame]) -> None:
    for shard, features in zip(shards, found, strict=True):
        house.lake.write(table, features.to_pandas(), partition={"send_id": send.send_id}, name=shard_name(shard))


def features_of(house: House, send: Send, model: RankingModel, audiences: Sequence[pd.DataFrame]) -> Sequence[FeatureFrame]:
    """Features of the admitted recipients of each audience, in its order: one pass over history for all. Writes nothing."""
    if not audiences:
        return []
    kinds = house.recipients.attributes()
    admitted = [expand(audience[audience["exclusion"].isna()], kinds) for audience in audiences]
    together, settings = serving_spine(pd.concat(admitted, ignore_index=True), send.as_of), house.settings
    limits = {"threads": settings.feature_threads, "memory_mb": settings.feature_memory_mb}
    return compute_features(together, load_history(house), model.parameters, **limits).cut(list(map(len, admitted)))


def feature_tasks(house: House, send_id: SendId, shards: Sequence[int] | None = None) -> int:
    """In how many tasks the features of a send, or of some of its shards, are computed: one per block that their audience fills."""
    admitted = admitted_by_shard(house, send_id)
    wanted = admitted.values() if shards is None else (admitted[shard] for shard in shards)
    return max(1, -(-sum(wanted) // house.settings.feature_block))


def admitted_by_shard(house: House, send_id: SendId) -> dict[int, int]:
    """How many recipients of each shard are written to."""
    return {shard: counts["admitted"] for shard, counts in house.sends.finished_shards(send_id, "audience").items()}


def blocks(shards: Sequence[int], recipients: int, most: int = BLOCK) -> list[Sequence[int]]:
    """The shards, which hold so many recipients, cut into runs of about `most` recipients each."""
    count = max(1, min(len(shards), round(recipients / most)))
    return [shards[at * len(shards) // count : (at + 1) * len(shards) // count] for at in range(count)]
