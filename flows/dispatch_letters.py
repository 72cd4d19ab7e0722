"""Dispatch letters of a shard: print each, claim it in the ledger, give it to the ESP, write down the answer."""

from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from random import Random

import pandas as pd

from delivery.backoff import Patience
from delivery.compose import Composer
from delivery.esp.port import Esp
from delivery.handoff import HandOffCounts, hand_off
from delivery.pace import Pace
from domain.content import Content
from domain.ids import RecipientId, SendId
from domain.send import Send
from flows.join_run import joined_run
from flows.open_esp import open_esp
from flows.open_pace import open_pace
from flows.open_press import press_for
from flows.print_letters import print_letters
from flows.run_stage import shard_name
from flows.watch_send import Watch, watch_over
from runtime.clock import now, sleep
from runtime.house import House


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What the shards of a send are handed off with."""

    house: House
    send: Send
    content: Content
    press: Composer
    esp: Esp
    pace: Pace
    watch: Watch
    run_id: str


@contextmanager
def dispatching(house: House, send_id: SendId, run_id: str, *, until: datetime | None = None) -> Iterator[Dispatch]:
    """Within, letters of the send can be dispatched, until the instant if there is one."""
    send = house.send(send_id)
    content = house.contents.load(send.content_version)
    watch = watch_over(house, send, content.campaign, until=until)
    with closing(open_esp(house, content.campaign)) as esp, joined_run(house, send_id, run_id) as own_run:
        pace = open_pace(house, esp, content.campaign)
        yield Dispatch(house, send, content, press_for(house, content, send), esp, pace, watch, own_run)


def read_audience(dispatch: Dispatch, shard: int) -> pd.DataFrame:
    """The frozen audience of a shard."""
    return dispatch.house.lake.read("audience", {"send_id": dispatch.send.send_id}, name=shard_name(shard))


def dispatch_letters(dispatch: Dispatch, audience: pd.DataFrame, *, shard: int, done: Collection[RecipientId] = ()) -> HandOffCounts:
    """Hand off the letters to the admitted recipients of this part of a shard's audience, but for those who are done."""
    house, send = dispatch.house, dispatch.send
    decisions = house.lake.read("decisions", {"send_id": send.send_id}, name=shard_name(shard))
    wanted = decisions[decisions["recipient_id"].isin(audience["recipient_id"])]
    return hand_off(
        print_letters(dispatch.press, send, audience, wanted, shard=shard, done=done),
        dispatch.esp,
        house.ledger,
        run_id=dispatch.run_id,
        shard=shard,
        clock=now,
        control=dispatch.watch,
        pace=dispatch.pace,
        rng=Random(dispatch.run_id),
        sleep=sleep,
        concurrency=house.settings.handoff_connections,
        batch_size=house.settings.handoff_batch,
        patience=Patience(rounds=house.settings.handoff_rounds, settle_for=house.settings.settle_seconds),
    )
