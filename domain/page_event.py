"""What a page told about a placement: that it came into view, or was clicked, with the decision that it showed."""

from dataclasses import dataclass
from datetime import datetime

from domain.event import EventKind
from domain.ids import CampaignId, DecisionId, RecipientId, SendId


@dataclass(frozen=True, slots=True)
class PageEvent:
    """A SHOWN or CLICKED of a known recipient. `placement` and `position` are as the page says; `received_at`: since when it was known
    whose it is; `send_id`: whose decision it names, None before that was found out."""

    event_id: str
    kind: EventKind
    recipient_id: RecipientId
    decision_id: DecisionId
    placement: str
    position: int
    occurred_at: datetime
    received_at: datetime
    send_id: SendId | None = None

    @property
    def campaign(self) -> CampaignId:
        """Whose placement it is."""
        return CampaignId(self.placement.partition(".")[0])
