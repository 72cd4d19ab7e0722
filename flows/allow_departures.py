"""Allow departures of a day: while a sending domain warms up, so many letters, to the most engaged of those who are due."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from prefect import task
from prefect.cache_policies import NO_CACHE

from delivery.departures.course import Depart, leaves_now, rules_of
from delivery.departures.warm_up import Rank, allowances, cap_on, next_day, rank_of
from domain.campaign import Campaign
from domain.ids import SendId
from domain.send import Send
from flows.hand_off_due import Turn, engagements_of, still_waiting
from flows.run_stage import shard_name
from runtime.clock import now
from runtime.house import House, shared_house
from storage.warm_up import WarmUpBook

SOON = timedelta(minutes=10)  # until another send of the domain may have given back what it did not need
LAST_CALL = timedelta(minutes=1)  # before midnight, so that no letter that one day allowed is claimed on the next


def allowed_turn(house: House, send: Send, campaign: Campaign, turn: Turn) -> Turn | datetime:
    """The turn as the warm-up allows it, its letters set aside; or when to ask again, when nothing may leave now."""
    warm_up, day = campaign.departure.warm_up, day_of(turn.step.at)
    if warm_up is None or (cap := cap_on(warm_up, day)) is None:
        return turn
    midnight, book = next_day(turn.step.at), WarmUpBook(house.database)
    if now() >= midnight - LAST_CALL:
        return midnight
    wanted = sum(house.sends.finished_shards(send.send_id, "audience")[shard]["admitted"] for shard in turn.shards)
    letters = book.take(send.send_id, send.sender_domain, day, cap=cap, wanted=wanted)
    if letters == 0:
        return midnight if book.mailed_on(send.sender_domain, day) >= cap else min(midnight, now() + SOON)
    shares = choose_first.submit(send.send_id, turn.step, turn.shards, letters).result()
    return Turn(turn.step, tuple(shares), shares, midnight - LAST_CALL)


def give_back(house: House, send: Send, turn: Turn) -> None:
    """After the turn: what was set aside for it and not used is for others, or for this send's next turn."""
    if turn.allowances is not None:
        WarmUpBook(house.database).give_back(send.send_id, send.sender_domain, day_of(turn.step.at))


def day_of(at: datetime) -> date:
    """The day (UTC) by which a warm-up counts."""
    return at.astimezone(UTC).date()


@task(name="choose who leaves today", cache_policy=NO_CACHE)
def choose_first(send_id: SendId, step: Depart, shards: Sequence[int], letters: int) -> Mapping[int, int]:
    """How many of each shard are among the first so many of all who are due."""
    house = shared_house()
    return dict(allowances(_ranks(house, house.send(send_id), step, shards), letters))


def _ranks(house: House, send: Send, step: Depart, shards: Sequence[int]) -> Iterator[tuple[int, Rank]]:
    rules = rules_of(send, house.contents.load(send.content_version).campaign)
    for shard in shards:
        audience = house.lake.read("audience", {"send_id": send.send_id}, name=shard_name(shard))
        waiting = still_waiting(house, send, rules, audience)
        due = [who for who, party in waiting.items() if leaves_now(party, rules, step)]
        engagements = engagements_of(house, send, due)
        yield from ((shard, rank_of(who, send.send_id, engagements)) for who in due)
