"""Attribute outcomes: the clicks received so far, joined to the decisions of their sends, into the lake."""

import pandas as pd
from prefect import flow

from domain.campaign import PlacementKind
from domain.event import EventKind
from domain.send import Send
from experiments.attribution import attribute_clicks
from runtime.house import House, shared_house

RECENT = 30  # sends looked at again; a click on an older letter changes nothing any more


@flow(name="attribute-outcomes")
def attribute_outcomes() -> int:
    """Attribute the recent sends anew from what was received; returns how many outcomes they have. Repeating changes nothing."""
    return attribute_recent(shared_house())


def attribute_recent(house: House) -> int:
    """`attribute_outcomes` for those who have the house open."""
    return sum(attribute_send(house, send) for send in house.sends.list()[:RECENT])


def attribute_send(house: House, send: Send) -> int:
    """Rewrite the outcomes of one send; returns how many there are."""
    clicks = [event for event in house.events.of_send(send.send_id) if event.kind is EventKind.CLICKED and event.decision_id]
    if not clicks:
        return 0
    frame = pd.DataFrame(
        {
            "decision_id": [click.decision_id for click in clicks],
            "occurred_at": [click.occurred_at for click in clicks],
            "received_at": [click.received_at for click in clicks],
        }
    )
    placements = house.contents.load(send.content_version).campaign.placements
    subjects = frozenset(placement.placement for placement in placements if placement.kind is PlacementKind.SUBJECT)
    outcomes = attribute_clicks(frame, house.lake.read("decisions", {"send_id": send.send_id}), subjects)
    house.lake.write("outcomes", outcomes, partition={"send_id": send.send_id}, name="clicks")
    return len(outcomes)
