"""What to show a recipient in a placement: the published decision, or the default."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query

from domain.decision import PublishedDecision
from domain.ids import DecisionId, PlacementId, RecipientId, SendId, VariantId, decision_id_of
from web.catalogue import Catalogue
from web.parts import Serving

_LONGEST_ID = 256


@dataclass(frozen=True, slots=True)
class Shown:
    """One position (1, 2, …) of a placement. `decision_id` is None for a default."""

    position: int
    variant: VariantId
    decision_id: DecisionId | None


@dataclass(frozen=True, slots=True)
class Served:
    """The answer. `is_default`: nothing was decided for this recipient, it has expired, or the decision store is away."""

    placement: PlacementId
    recipient: RecipientId
    is_default: bool
    shown: list[Shown]
    send_id: SendId | None
    expires_at: datetime | None


def decision_routes(parts: Serving, catalogue: Catalogue) -> APIRouter:
    """`GET /v1/decisions/{placement}?recipient=ID`."""
    router = APIRouter(prefix="/v1")

    @router.get("/decisions/{placement}", responses={404: {"description": "no send has such a placement"}})
    def decisions(placement: str, recipient: Annotated[str, Query(min_length=1, max_length=_LONGEST_ID)]) -> Served:
        """What was decided for a recipient in a placement."""
        default = catalogue.defaults_of(PlacementId(placement))
        if default is None:
            raise HTTPException(404, "no send has such a placement")
        who = RecipientId(recipient)
        return _served(who, parts.decisions.get(who, PlacementId(placement), parts.clock(), default))

    return router


def _served(recipient: RecipientId, found: PublishedDecision) -> Served:
    shown = [
        Shown(position, variant, decision_id_of(found.send_id, recipient, found.placement, position) if found.send_id else None)
        for position, variant in enumerate(found.variants, start=1)
    ]
    return Served(found.placement, recipient, found.is_default, shown, found.send_id, found.expires_at)
