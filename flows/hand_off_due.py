"""Hand off what is due: of some shards, the recipients of open waves whose time has come."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from delivery.departures.course import Depart, Party, Rules, leaves_now, rules_of
from delivery.departures.warm_up import Engagements, first_of
from delivery.departures.waves import wave_of
from delivery.stopping import SendStopped, TimeIsUp
from domain.ids import RecipientId, SendId
from domain.message import MessageStatus
from domain.send import Send
from flows.dispatch_letters import Dispatch, dispatch_letters, dispatching, read_audience
from flows.draw_up_timetable import wave_stage
from runtime.clock import now
from runtime.house import House, shared_house
from storage.engagement import EngagementBook

RECENTLY = timedelta(days=90)  # what someone did before that says little about now


@dataclass(frozen=True, slots=True)
class Turn:
    """One pass over some shards. `allowances`: how many of each shard may leave, the most engaged first; None: all who are due."""

    step: Depart
    shards: tuple[int, ...]
    allowances: Mapping[int, int] | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """A shard that had its turn, and how many of each party that was due it could not let go yet."""

    shard: int
    left: Counter[Party] = field(default_factory=Counter)


@task(name="hand off what is due", cache_policy=NO_CACHE)
def hand_off_due(send_id: SendId, run_id: str, turn: Turn) -> list[Passed]:
    """Give each of these shards its turn. Those that had none when the send was paused or cancelled are not in the answer."""
    passed: list[Passed] = []
    with dispatching(shared_house(), send_id, run_id, until=turn.until) as dispatch, suppress(SendStopped):
        rules = rules_of(dispatch.send, dispatch.content.campaign)
        for shard in turn.shards:
            passed.append(_take_turn(dispatch, rules, turn, shard))  # noqa: PERF401 - what is done stays done when the next one stops
    return passed


def _take_turn(dispatch: Dispatch, rules: Rules, turn: Turn, shard: int) -> Passed:
    audience = read_audience(dispatch, shard)
    waiting = still_waiting(dispatch.house, dispatch.send, rules, audience)
    due = [who for who, party in waiting.items() if leaves_now(party, rules, turn.step)]
    going = set(due) if turn.allowances is None else first_of(due, *_order(dispatch, due), turn.allowances.get(shard, 0))
    time_is_up = True
    with suppress(TimeIsUp):
        dispatch_letters(dispatch, audience[audience["recipient_id"].isin(going)], shard=shard)
        time_is_up = False
    after = dispatch.house.ledger.statuses(dispatch.send.send_id, going)
    put_off = {who for who in going if is_pending(after.get(who))}
    _finish(dispatch, rules, shard, {party.wave for who, party in waiting.items() if who not in going or who in put_off})
    return Passed(shard, Counter(waiting[who] for who in due if who not in going or (time_is_up and who in put_off)))


def still_waiting(house: House, send: Send, rules: Rules, audience: pd.DataFrame) -> dict[RecipientId, Party]:
    """The admitted recipients of a shard whose letters are not settled, with their parties."""
    admitted = audience[audience["exclusion"].isna()]
    zones = dict(zip(map(RecipientId, admitted["recipient_id"]), admitted["time_zone"].fillna("UTC"), strict=True))
    stand = house.ledger.statuses(send.send_id, zones)
    return {
        who: Party(wave_of(who, send.send_id, rules.shares), time_zone) for who, time_zone in zones.items() if is_pending(stand.get(who))
    }


def is_pending(status: MessageStatus | None) -> bool:
    """Whether a letter is still to go out: the ledger does not know it, or has it given back."""
    return status is None or status is MessageStatus.PENDING


def engagements_of(house: House, send: Send, recipients: list[RecipientId]) -> Engagements:
    """What recipients did lately, as of the send's opening: the order of departure is one and the same on every day of it."""
    return EngagementBook(house.lake, house.database).of(recipients, send.as_of - RECENTLY, send.as_of)


def _order(dispatch: Dispatch, due: list[RecipientId]) -> tuple[SendId, Engagements]:
    return dispatch.send.send_id, engagements_of(dispatch.house, dispatch.send, due)


def _finish(dispatch: Dispatch, rules: Rules, shard: int, unfinished: set[int]) -> None:
    """Record the waves that nobody of this shard is left of, and the shard itself when there are none."""
    house, send_id = dispatch.house, dispatch.send.send_id
    for wave in range(1, rules.waves + 1):
        if wave not in unfinished:
            house.sends.finish_shard(send_id, shard, wave_stage(wave), {}, now())
    if not unfinished:
        house.sends.finish_shard(send_id, shard, "handoff", {}, now())
