"""Attribute outcomes: what people did after their letters, joined to the decisions behind them, into the lake."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd
from prefect import flow

from domain.campaign import Campaign, PlacementKind, Surface
from domain.event import EventKind
from domain.holding import shown_for
from domain.ids import SendId
from domain.send import Send
from experiments.attribution import attribute_clicks, attribute_purchases, last_touches, settled
from flows.load_touches import load_clicks, load_page_touches, load_purchases, load_views
from flows.score_machines import score_send
from flows.trace_page_events import trace_page_events
from runtime.clock import now
from runtime.house import House, shared_house
from storage.page_events import PageEvents

_LONGEST = timedelta(days=120)  # that a purchase can be after its letter: two windows of the longest there may be
_DECIDED = ["decision_id", "send_id", "recipient_id", "placement", "position", "category"]


@flow(name="attribute-outcomes")
def attribute_outcomes() -> int:
    """Attribute anew every send whose labels are open; returns how many outcomes they have. Repeating changes nothing."""
    return attribute_recent(shared_house())


def attribute_recent(house: House) -> int:
    """`attribute_outcomes` for those who have the house open."""
    return _attribute(house, None, now())


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
        return self.send.scheduled_at + timedelta(days=days) + wait + shown_for(self.campaign)

    @property
    def subjects(self) -> frozenset[str]:
        """The placements that are subject lines."""
        return frozenset(one.placement for one in self.campaign.placements if one.kind is PlacementKind.SUBJECT)

    def in_order(self, decisions: pd.DataFrame) -> pd.DataFrame:
        """Decisions in the order of the letter."""
        places = {one.placement: place for place, one in enumerate(self.campaign.placements)}
        rank = decisions["placement"].map(places)
        return decisions.assign(rank=rank).sort_values(["recipient_id", "rank", "position"]).drop(columns="rank")


def _attribute(house: House, wanted: Collection[SendId] | None, at: datetime) -> int:
    """Attribute those of the wanted sends (None: of all) that are open. The clicks of all compete for a purchase, so all are looked at."""
    wait = timedelta(days=house.settings.labels_close_days)
    trace_page_events(house, at)
    letters = _mailings(house, house.sends.list(since=at - _LONGEST - wait))
    mailings = [*letters, *_on_pages(house, at - _LONGEST - wait)]
    due = [mailing for mailing in mailings if (wanted is None or mailing.send.send_id in wanted) and at < mailing.closes_at(wait)]
    if not due:
        return 0
    for mailing in letters:
        score_send(house, mailing.send, at)
    clicks = pd.concat([*_of_all(house, letters, load_clicks), load_page_touches(house, _windows(mailings), EventKind.CLICKED)])
    asked = [mailing for mailing in mailings if mailing.send.surface is Surface.WEB and mailing.campaign.attribution.view_days]
    views = pd.concat([*_of_all(house, letters, load_views), load_page_touches(house, _windows(asked, seen=True), EventKind.SHOWN)])
    recipients = {*clicks["recipient_id"], *views["recipient_id"]}
    purchases = load_purchases(house, recipients, since=min(mailing.send.scheduled_at for mailing in due))
    bought = last_touches(purchases, clicks), last_touches(purchases, views)
    return sum(_write(house, mailing, clicks, *bought) for mailing in due)


def _on_pages(house: House, since: datetime) -> list[_Mailing]:
    """The refreshes of which people have seen something: of the thousands that there are, no others have outcomes."""
    seen = PageEvents(house.database).seen(since)
    return _mailings(house, [send for send in house.sends.list(surface=Surface.WEB, since=since) if send.send_id in seen])


def _windows(mailings: Collection[_Mailing], *, seen: bool = False) -> dict[SendId, timedelta]:
    """For how long a purchase belongs to a click on each, or to having seen it."""
    found = ((one.send.send_id, one.campaign.attribution) for one in mailings)
    return {send_id: timedelta(days=(asked.view_days or 0) if seen else asked.click_days) for send_id, asked in found}


def _mailings(house: House, sends: Collection[Send]) -> list[_Mailing]:
    campaigns = {version: house.contents.load(version).campaign for version in {send.content_version for send in sends}}
    return [_Mailing(send, campaigns[send.content_version]) for send in sends]


def _of_all(house: House, mailings: Collection[_Mailing], load: Callable[[House, Send, Campaign], pd.DataFrame]) -> list[pd.DataFrame]:
    return [load(house, mailing.send, mailing.campaign) for mailing in mailings]


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
