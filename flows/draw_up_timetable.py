"""Draw up the timetable of a send that departs in stages: how many of each shard are in which wave and time zone."""

from collections import Counter

from prefect import task
from prefect.cache_policies import NO_CACHE

from delivery.departures.course import Party
from delivery.departures.waves import shares_of, wave_of
from domain.ids import RecipientId, SendId
from flows.run_stage import open_shards, shard_name
from runtime.clock import now
from runtime.house import House, shared_house

Timetable = dict[tuple[int, Party], int]


@task(name="draw up timetable", cache_policy=NO_CACHE)
def draw_up_timetable(send_id: SendId, shards: list[int]) -> None:
    """Count the parties of each of these shards that is not counted yet."""
    house = shared_house()
    send = house.send(send_id)
    shares = shares_of(house.contents.load(send.content_version).campaign.waves)
    for shard in open_shards(house, send_id, "timetable", shards):
        audience = house.lake.read("audience", {"send_id": send_id}, name=shard_name(shard))
        admitted = audience[audience["exclusion"].isna()]
        parties = Counter(
            Party(wave_of(RecipientId(who), send_id, shares), zone)
            for who, zone in zip(admitted["recipient_id"], admitted["time_zone"].fillna("UTC"), strict=True)
        )
        counts = {f"{party.wave} {party.time_zone}": letters for party, letters in parties.items()}
        house.sends.finish_shard(send_id, shard, "timetable", counts, now())


def timetable_of(house: House, send_id: SendId) -> Timetable:
    """Letters by shard and party, as they were counted."""
    counted = house.sends.finished_shards(send_id, "timetable")
    return {(shard, _party(name)): letters for shard, counts in counted.items() for name, letters in counts.items()}


def still_left(house: House, send_id: SendId, timetable: Timetable, waves: int) -> Timetable:
    """The timetable without what is finished, so that a send that goes on does not read it again."""
    finished = {wave: house.sends.finished_shards(send_id, wave_stage(wave)).keys() for wave in range(1, waves + 1)}
    return {(shard, party): 0 if shard in finished[party.wave] else letters for (shard, party), letters in timetable.items()}


def wave_stage(wave: int) -> str:
    """The stage under which a shard's part of a wave is recorded as finished."""
    return f"wave-{wave}"


def _party(name: str) -> Party:
    wave, _, time_zone = name.partition(" ")
    return Party(int(wave), time_zone)
