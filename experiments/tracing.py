"""Tracing: which send a page's event names a decision of.

A decision's id is a function of send, recipient, placement and position (`domain.ids.decision_id_of`), so that it is found by making the
ids that it could be: those of the placement's campaign for this recipient, the latest send first. An id that names another recipient, or
nothing, is none of them: the event is kept, and nothing is attributed to it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.ids import CampaignId, PlacementId, SendId, decision_id_of
from domain.page_event import PageEvent

_CLOCKS = timedelta(minutes=5)  # by which clocks may differ


@dataclass(frozen=True, slots=True)
class Published:
    """A send whose decisions pages show from `since` until `until`."""

    send_id: SendId
    since: datetime
    until: datetime

    def may_show(self, event: PageEvent) -> bool:
        """Whether a page can have told that by then."""
        return self.since - _CLOCKS <= event.received_at <= self.until


def traced(events: Sequence[PageEvent], published: Mapping[CampaignId, Sequence[Published]]) -> dict[str, SendId]:
    """The send of each event by event id, as far as there is one. `published`: by campaign, the latest first."""
    found = ((event.event_id, _send_of(event, published.get(event.campaign, ()))) for event in events)
    return {event_id: send_id for event_id, send_id in found if send_id is not None}


def _send_of(event: PageEvent, published: Sequence[Published]) -> SendId | None:
    placement = PlacementId(event.placement)
    for one in published:
        if one.may_show(event) and decision_id_of(one.send_id, event.recipient_id, placement, event.position) == event.decision_id:
            return one.send_id
    return None
