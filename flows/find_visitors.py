"""Find the visitors whom a refresh may decide for: who was active lately, and for whom of them the audience expression holds."""

from datetime import timedelta

import pyarrow as pa
from prefect import task
from prefect.cache_policies import NO_CACHE

from audience.expressions import parse
from audience.visitors import Found, find_visitors
from domain.campaign import Campaign
from domain.hashing import buckets_of, keys_of
from domain.ids import SendId
from domain.send import Send
from flows.run_stage import open_shards, shard_name
from runtime.clock import now
from runtime.house import House, shared_house
from storage.activity import ActivityBook

ACTIVITY, VISITORS = "activity", "visitors"  # lake tables; one file per slot of buckets


@task(name="look up activity", cache_policy=NO_CACHE)
def look_up_activity(send_id: SendId) -> int:
    """Keep when each recipient was active last, in one pass over what is known, unless that is done; returns how many were."""
    house = shared_house()
    if done := house.sends.finished_shards(send_id, ACTIVITY):
        return sum(counts["active"] for counts in done.values())
    send = house.send(send_id)
    since = send.as_of - timedelta(days=house.contents.load(send.content_version).campaign.refresh.active_days)
    book = ActivityBook(house.lake, house.database, memory_mb=house.settings.feature_memory_mb)
    active = book.latest(since, send.as_of)
    _keep(house, send, active)
    house.sends.finish_shard(send_id, 0, ACTIVITY, {"active": active.num_rows}, now())
    return active.num_rows


def _keep(house: House, send: Send, active: pa.Table) -> None:
    buckets = buckets_of(keys_of(map(str, active["recipient_id"].to_pylist())))
    for slot in range(send.slots):
        lo, hi = send.buckets(slot)
        part = active.filter(pa.array((buckets >= lo) & (buckets < hi))).sort_by("recipient_id")
        house.lake.write(ACTIVITY, part, partition={"send_id": send.send_id}, name=shard_name(slot))


@task(name="find visitors", cache_policy=NO_CACHE)
def find_slots(send_id: SendId, slots: list[int]) -> None:
    """Freeze the visitors of each of these slots that are not frozen yet."""
    house = shared_house()
    send = house.send(send_id)
    campaign = house.contents.load(send.content_version).campaign
    for slot in open_shards(house, send_id, VISITORS, slots):
        found = visitors_of(house, send, campaign, slot)
        house.lake.write(VISITORS, found.visitors, partition={"send_id": send_id}, name=shard_name(slot))
        counts = {"candidates": found.candidates, "matched": found.matched, "inactive": found.inactive}
        house.sends.finish_shard(send_id, slot, VISITORS, counts, now())


def visitors_of(house: House, send: Send, campaign: Campaign, slot: int) -> Found:
    """The visitors of a slot. Writes nothing."""
    return find_visitors(
        house.recipients.load_expanded(*send.buckets(slot)),
        house.lake.read(ACTIVITY, {"send_id": send.send_id}, name=shard_name(slot)),
        expression=parse(campaign.audience, house.recipients.attributes(), campaign.file, campaign.audience_line),
        as_of=send.as_of,
    )
