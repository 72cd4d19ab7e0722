"""The routes for placements as the OpenAPI document tells of them. They are answered before they are reached: `web/placements.py`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import JsonValue

from domain.ids import DecisionId, PlacementId, VariantId
from web.placement_request import LONGEST_NAME, LONGEST_RECIPIENT, PATH

Token = Literal["valid", "expired", "none"]


@dataclass(frozen=True, slots=True)
class ShownVariant:
    """One position (1, 2, …). `content_url`: what was published of the variant; null if it is not published. `decision_id`: for events;
    null for a default. `content`: the same as at `content_url`, if it was asked for."""

    position: int
    variant: VariantId
    content_url: str | None
    decision_id: DecisionId | None
    content: JsonValue = None


@dataclass(frozen=True, slots=True)
class PlacementAnswer:
    """What to show. `chosen_for`: this recipient, all who share the context, or everyone. `expires_at`: of what was decided."""

    placement: PlacementId
    is_default: bool
    chosen_for: Literal["recipient", "context", "everyone"]
    shown: list[ShownVariant]
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class OnePlacement(PlacementAnswer):
    """The answer for one placement. `token`: whether the recipient token is good; with an expired one the visitor is anybody."""

    token: Token


@dataclass(frozen=True, slots=True)
class SeveralPlacements:
    """The answers in the order asked for. `unknown`: names that are no placements; if all are, the answer is 404."""

    placements: list[PlacementAnswer]
    unknown: list[str]
    token: Token


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no answer."""

    detail: str | list[str]


_REFUSED: dict[int | str, dict[str, Any]] = {
    304: {"description": "what the page has is still right (If-None-Match)"},
    401: {"description": "a token that was not made for this installation, or a key that is none", "model": Refusal},
    404: {"description": "there is no such placement", "model": Refusal},
    422: {"description": "a parameter that cannot be read", "model": Refusal},
    429: {"description": "too many requests from one network: see Retry-After", "model": Refusal},
    503: {"description": "the process has just started and the database is away", "model": Refusal},
}
_Recipient = Annotated[
    str, Query(max_length=LONGEST_RECIPIENT, description="A recipient token; with a server's key as bearer token, a recipient id")
]
_Context = Annotated[
    list[str] | None, Query(description="attribute:value, such as country:DE; of several the first for which something was decided holds")
]
_Inline = Annotated[bool, Query(description="Put the content into the answer")]


def placement_routes() -> APIRouter:
    """`GET /v1/placements/{placement}` and `GET /v1/placements`."""
    router = APIRouter(prefix=PATH, responses=_REFUSED)

    @router.get("/{placement}")
    def placement(placement: str, recipient: _Recipient = "", context: _Context = None, inline: _Inline = False) -> OnePlacement:
        """What to show a visitor in a placement."""
        raise NotImplementedError((placement, recipient, context, inline))

    @router.get("")
    def placements(
        names: Annotated[str, Query(min_length=1, max_length=LONGEST_NAME, description="Placements, separated by commas")],
        recipient: _Recipient = "",
        context: _Context = None,
        inline: _Inline = False,
    ) -> SeveralPlacements:
        """What to show a visitor in several placements."""
        raise NotImplementedError((names, recipient, context, inline))

    return router
