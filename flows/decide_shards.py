"""Decide for the recipients of a shard: features, scores, choices with propensities; into the lake and the decision store."""

from datetime import timedelta

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from audience.eligibility import eligible_variants
from domain.content import Content
from domain.ids import SendId
from domain.send import Send
from flows.load_history import load_history
from flows.load_model import load_model
from flows.run_stage import open_shards, shard_name
from ranking.decide import count_variants, decide, published
from ranking.features import compute_features, serving_spine
from ranking.layout import FeatureFrame
from ranking.model import RankingModel
from runtime.clock import now
from runtime.house import House, shared_house
from storage.recipients import expand


@task(name="decide", cache_policy=NO_CACHE)
def decide_shards(send_id: SendId, shards: list[int]) -> None:
    """Decide and publish for each of these shards that is not decided yet."""
    house = shared_house()
    send = house.send(send_id)
    content, model = house.contents.load(send.content_version), load_model(house, send.model_version)
    for shard in open_shards(house, send_id, "decisions", shards):
        partition, name = {"send_id": send.send_id}, shard_name(shard)
        audience = house.lake.read("audience", partition, name=name)
        decisions, features = decided(house, send, content, model, audience)
        if features:
            house.lake.write("features", features.to_pandas(), partition=partition, name=name)
        house.lake.write("decisions", decisions, partition=partition, name=name)
        house.decisions.publish(published(decisions), ttl=timedelta(hours=house.settings.decision_ttl_hours), at=send.as_of)
        house.sends.finish_shard(send.send_id, shard, "decisions", count_variants(decisions), now())


def decided(
    house: House, send: Send, content: Content, model: RankingModel | None, audience: pd.DataFrame
) -> tuple[pd.DataFrame, FeatureFrame | None]:
    """The decisions for the admitted recipients of an audience, and the features they were made from. Writes nothing."""
    attributes = house.recipients.attributes()
    recipients = expand(audience[audience["exclusion"].isna()], attributes)
    features = compute_features(serving_spine(recipients, send.as_of), load_history(house), model.parameters) if model else None
    eligible = eligible_variants(content, recipients, attributes, send.as_of)
    return decide(recipients, features, content=content, eligible=eligible, model=model, send=send), features
