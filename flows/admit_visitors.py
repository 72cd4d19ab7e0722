"""Admit visitors to a refresh, the most recently active first, as many as its budget allows; and put each into an arm, as in letters."""

import numpy as np
import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from audience.counts import AudienceCounts
from audience.selection import AUDIENCE_COLUMNS
from audience.visitors import Ints, Lines, draw_lines
from domain.hashing import Keys, keys_of
from domain.ids import SendId
from domain.message import Exclusion
from domain.send import Send
from flows.find_visitors import VISITORS
from flows.freeze_audience import drawn_arms, freeze_audience
from flows.run_stage import open_shards, shard_name
from runtime.house import House, shared_house

LINES, NAME = "refresh_lines", "all"  # lake table; one file per refresh


@task(name="draw lines", cache_policy=NO_CACHE)
def draw_tiers(send_id: SendId) -> None:
    """Find and keep the lines between the tiers, and the one at the budget's end, unless they are there already."""
    house = shared_house()
    send, partition = house.send(send_id), {"send_id": send_id}
    if house.lake.exists(LINES, partition, NAME):
        return
    budget = house.contents.load(send.content_version).campaign.refresh.recipients
    every = house.lake.dataset(VISITORS, partition).to_table(columns=["recipient_id", "active_at"]).to_pandas()
    lines = draw_lines(*_ranked_by(every), budget=budget, tiers=send.tiers)
    house.lake.write(LINES, pd.DataFrame({"active_us": lines.active_us, "key": lines.key}), partition=partition, name=NAME)


@task(name="admit visitors", cache_policy=NO_CACHE)
def admit_visitors(send_id: SendId, shards: list[int]) -> None:
    """Freeze the audience of each of these shards that is not frozen yet."""
    house = shared_house()
    send = house.send(send_id)
    campaign = house.contents.load(send.content_version).campaign
    kept = house.lake.read(LINES, {"send_id": send_id}, name=NAME)
    lines = Lines(kept["active_us"].to_numpy(dtype=np.int64), kept["key"].to_numpy(dtype=np.uint64))
    for shard in open_shards(house, send_id, "audience", shards):
        visitors = house.lake.read(VISITORS, {"send_id": send_id}, name=shard_name(shard % send.slots))
        tiers = lines.tiers_of(*_ranked_by(visitors))
        audience = visitors.loc[tiers == shard // send.slots, list(AUDIENCE_COLUMNS)].reset_index(drop=True)
        audience["arm"] = drawn_arms(send, campaign, audience)
        freeze_audience(house, send, campaign, shard, audience=audience, counts=_counts(house, send, shard, tiers))


def _ranked_by(visitors: pd.DataFrame) -> tuple[Ints, Keys]:
    """What visitors are ranked by: active_at in µs, and the hash that breaks ties."""
    active = visitors["active_at"].dt.as_unit("us").to_numpy(dtype="datetime64[us]").astype(np.int64)
    return active, keys_of(visitors["recipient_id"])


def _counts(house: House, send: Send, shard: int, tiers: Ints) -> AudienceCounts:
    """The counts of a shard. Who is left out of a slot is counted once, with its first tier."""
    own = int((tiers == shard // send.slots).sum())
    if shard >= send.slots:
        return AudienceCounts(0, own, {})
    slot = house.sends.finished_shards(send.send_id, VISITORS)[shard]
    over = int((tiers >= send.tiers).sum())
    excluded = {Exclusion.INACTIVE: slot["inactive"], Exclusion.OVER_BUDGET: over}
    left_out = {reason: count for reason, count in excluded.items() if count}
    return AudienceCounts(slot["candidates"], own + sum(left_out.values()), left_out)
