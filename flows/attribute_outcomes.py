"""Attribute outcomes: what people did after their letters, joined to the decisions behind them, into the lake."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd
from prefect import flow

from domain.campaign import Campaign, PlacementKind
from domain.ids import SendId
from domain.send import Send
from experiments.attribution import attribute_clicks, attribute_purchases, last_touches, settled
from flows.load_touches import load_clicks, load_purchases, load_views
from flows.score_machines import score_send
from runtime.clock import now
from runtime.house import House, shared_house

_LONGEST = timedelta(days=120)  # that a purchase can be after its letter: two windows of the longest there may be
_DECIDED = ["decision_id", "send_id", "recipient_id", "placement", "position", "category"]


@flow(name="attribute-outcomes")
def attribute_outcomes() -> int:
    """Attribute anew every send whose labels are open; returns how many outcomes they have. Repeating changes nothing."""
    return attribute_recent(shared_house())


def attribute_recent(house: House) -> int:
    """`attribute_outcomes` for those who have the house open."""
    return _attribute(house, {send.send_id for send in house.sends.list()}, now())


def attribute_send(house: House, send: Send) -> int:
    """Rewrite the outcomes of one send; returns how many there are. Once its labels are closed they stay as they are."""
    return _attribute(house, {send.send_id}, now()) or house.lake.dataset("outcomes", {"send_id": send.send_id}).count_rows()


@dataclass(frozen=True, slots=True)
class _Mailing:
    """A send and its campaign as it was then."""

    send: Send
    campaign: Campaign

    def closes_at(self, wait: timedelta) -> datetime:
        """When its labels close: a click at the end of its window, a purchase at the end of that, and a wait for what is late."""
        days = max(2 * self.campaign.attribution.click_days, self.campaign.attribution.view_days or 0)
        return self.send.scheduled_at + timedelta(days=days) + wait

    @property
    def subjects(self) -> frozenset[str]:
        """The placements that are subject lines."""
        return frozenset(one.placement for one in self.campaign.placements if one.kind is PlacementKind.SUBJECT)

    def in_order(self, decisions: pd.DataFrame) -> pd.DataFrame:
        """Decisions in the order of the letter."""
        places = {one.placement: place for place, one in enumerate(self.campaign.placements)}
        rank = decisions["placement"].map(places)
        return decisions.assign(rank=rank).sort_values(["recipient_id", "rank", "position"]).drop(columns="rank")


def _attribute(house: House, wanted: Collection[SendId], at: datetime) -> int:
    """Attribute those of the wanted sends that are open. The clicks of all sends compete for a purchase, so all are looked at."""
    wait = timedelta(days=house.settings.labels_close_days)
    mailings = [_mailing(house, send) for send in house.sends.list() if send.scheduled_at > at - _LONGEST - wait]
    due = [mailing for mailing in mailings if mailing.send.send_id in wanted and at < mailing.closes_at(wait)]
    if not due:
        return 0
    for mailing in mailings:
        score_send(house, mailing.send, at)
    clicks, views = _of_all(house, mailings, load_clicks), _of_all(house, mailings, load_views)
    recipients = {*clicks["recipient_id"], *views["recipient_id"]}
    purchases = load_purchases(house, recipients, since=min(mailing.send.scheduled_at for mailing in due))
    bought = last_touches(purchases, clicks), last_touches(purchases, views)
    return sum(_write(house, mailing, clicks, *bought) for mailing in due)


def _mailing(house: House, send: Send) -> _Mailing:
    return _Mailing(send, house.contents.load(send.content_version).campaign)


def _of_all(house: House, mailings: Collection[_Mailing], load: Callable[[House, Send, Campaign], pd.DataFrame]) -> pd.DataFrame:
    return pd.concat([load(house, mailing.send, mailing.campaign) for mailing in mailings], ignore_index=True)


def _write(house: House, mailing: _Mailing, clicks: pd.DataFrame, clicked: pd.DataFrame, viewed: pd.DataFrame) -> int:
    """Rewrite the outcomes of one send; returns how many there are."""
    send = {"send_id": mailing.send.send_id}
    own = clicks[clicks["send_id"] == mailing.send.send_id]
    if own.empty and viewed.empty and not house.lake.exists("outcomes", send):
        return 0
    decisions = house.lake.dataset("decisions", send).to_table(columns=_DECIDED).to_pandas()
    found = {
        "clicks": attribute_clicks(own, decisions, mailing.subjects),
        "purchases": attribute_purchases(clicked, viewed, mailing.in_order(decisions), mailing.subjects),
    }
    for name, outcomes in found.items():
        known = settled(outcomes, timedelta(minutes=house.settings.label_settle_minutes))
        house.lake.write("outcomes", known, partition=send, name=name)
    return sum(map(len, found.values()))
