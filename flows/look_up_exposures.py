"""Look up what recipients were shown before: for many shards in one pass over history, into the lake as deciding uses it."""

from collections.abc import Sequence

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.content import Content
from domain.ids import SendId
from domain.send import Send
from flows.compute_shard_features import admitted_by_shard, blocks
from flows.load_history import load_history
from flows.run_stage import open_shards, shard_name
from ranking.deciding.choice_sets import windows_of
from ranking.deciding.exposures import exposures
from ranking.history import opened
from runtime.clock import now
from runtime.house import House, shared_house


@task(name="look up exposures", cache_policy=NO_CACHE)
def look_up_exposures(send_id: SendId, shards: list[int]) -> None:
    """Look up and keep the exposures of each of these shards that has none yet, block by block."""
    house = shared_house()
    send, admitted = house.send(send_id), admitted_by_shard(house, send_id)
    content, partition = house.contents.load(send.content_version), {"send_id": send_id}
    for block in blocks(shards, sum(admitted[shard] for shard in shards)):
        still = list(open_shards(house, send_id, "exposures", block))
        audiences = [house.lake.read("audience", partition, name=shard_name(shard)) for shard in still]
        for shard, found in zip(still, exposures_of(house, send, content, audiences), strict=True):
            house.lake.write("exposures", found, partition=partition, name=shard_name(shard))
            house.sends.finish_shard(send_id, shard, "exposures", {"recipients": found["recipient_id"].nunique()}, now())


def exposures_of(house: House, send: Send, content: Content, audiences: Sequence[pd.DataFrame]) -> Sequence[pd.DataFrame]:
    """What the admitted recipients of each audience were shown before the send: one pass over history for all. Writes nothing."""
    if not audiences:
        return []
    admitted = [audience.loc[audience["exclusion"].isna(), "recipient_id"] for audience in audiences]
    with opened(load_history(house)) as connection:
        found = exposures(connection, pd.concat(admitted, ignore_index=True), send.as_of, windows_of(content))
    return [found[found["recipient_id"].isin(ids)] for ids in admitted]
