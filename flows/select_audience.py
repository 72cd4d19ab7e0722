"""Select the audience of a shard: who is written to, who is left out and why, and each one's arm. Freezes their data."""

from dataclasses import replace

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from audience.caps import earliest_window
from audience.counts import AudienceCounts, count
from audience.expressions import parse
from audience.selection import select
from delivery.departures.course import in_stages
from domain.campaign import Campaign
from domain.decision import Arm
from domain.ids import SendId
from domain.message import Exclusion
from domain.send import Send
from flows.freeze_audience import drawn_arms, freeze_audience
from flows.run_stage import open_shards
from runtime.house import House, shared_house


@task(name="select audience", cache_policy=NO_CACHE)
def select_audience(send_id: SendId, shards: list[int]) -> None:
    """Freeze the audience of each of these shards that is not frozen yet."""
    house = shared_house()
    send = house.send(send_id)
    campaign = house.contents.load(send.content_version).campaign
    for shard in open_shards(house, send_id, "audience", shards):
        audience, counts = selected(house, send, campaign, shard)
        freeze_audience(house, send, campaign, shard, audience=audience, counts=counts)


def selected(house: House, send: Send, campaign: Campaign, shard: int) -> tuple[pd.DataFrame, AudienceCounts]:
    """The shard's audience with exclusions and arms, and its counts. Writes nothing."""
    lo, hi = send.buckets(shard)
    if in_stages(campaign):  # its letters wait for quiet hours to end, so nobody has to be left out for them
        campaign = replace(campaign, quiet_hours=None)
    candidates = house.recipients.load_expanded(lo, hi)
    since = earliest_window(campaign.caps, send.as_of)
    recent = house.ledger.handed_off_since(since, lo, hi) if since else ()
    audience = select(
        candidates,
        expression=parse(campaign.audience, house.recipients.attributes(), campaign.file, campaign.audience_line),
        suppressed=house.suppressions.among(candidates["address_normalised"]),
        spared=house.preferences.among(candidates["address_normalised"], campaign.topic, send.as_of),
        handed_off_recently=pd.DataFrame(recent, columns=["recipient_id", "answered_at"]),
        already_sent=house.ledger.handed_off_in_campaign(campaign.campaign, lo, hi) if campaign.once else (),
        campaign=campaign,
        as_of=send.as_of,
    )
    drawn = pd.Series(drawn_arms(send, campaign, audience), index=audience.index, dtype="str")
    audience["arm"] = audience["arm"].mask(audience["exclusion"].isna(), drawn)
    if not campaign.holdout.gets_letters:
        audience["exclusion"] = audience["exclusion"].mask(audience["arm"] == Arm.HOLDOUT.value, Exclusion.HELD_OUT.value)
    return audience, count(audience, len(candidates))
