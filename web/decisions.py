"""What was decided for a recipient in a placement, for servers that know the recipient by id. Pages ask `/v1/placements`."""

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request

from domain.decision import PublishedDecision
from domain.ids import DecisionId, PlacementId, RecipientId, SendId, VariantId, decision_id_of
from web.catalogue import Catalogue
from web.parts import Serving
from web.visit import bearer_of, is_of_this_machine

_LONGEST_ID = 256
_REFUSED: dict[int | str, dict[str, Any]] = {
    401: {"description": "not asked by a server with a key"},
    404: {"description": "no send has such a placement"},
}


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

    @router.get("/decisions/{placement}", responses=_REFUSED)
    def decisions(request: Request, placement: str, recipient: Annotated[str, Query(min_length=1, max_length=_LONGEST_ID)]) -> Served:
        """What was decided for a recipient in a placement: for servers with a key, and for this machine. Ids can be guessed."""
        if not (is_of_this_machine(request) or _has_key(request, parts)):
            raise HTTPException(401, "a server's key is needed, as bearer token", {"www-authenticate": "Bearer"})
        default = catalogue.defaults_of(PlacementId(placement))
        if default is None:
            raise HTTPException(404, "no send has such a placement")
        who = RecipientId(recipient)
        return _served(who, parts.decisions.get(who, PlacementId(placement), parts.clock(), default))

    return router


def _has_key(request: Request, parts: Serving) -> bool:
    given = bearer_of(request)
    return any(hmac.compare_digest(given, key.encode()) for key in parts.placements.servers)


def _served(recipient: RecipientId, found: PublishedDecision) -> Served:
    shown = [
        Shown(position, variant, decision_id_of(found.send_id, recipient, found.placement, position) if found.send_id else None)
        for position, variant in enumerate(found.variants, start=1)
    ]
    return Served(found.placement, recipient, found.is_default, shown, found.send_id, found.expires_at)
