"""The decision: which variant goes to which position for one recipient, and why it could have gone otherwise."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.ids import DecisionId, ModelVersion, PlacementId, RecipientId, SendId, VariantId

SEEN_ON_PAGE = "letterpress.web"
"""Source of decisions that are known to have been seen: their position came into view on a page."""


class Arm(StrEnum):
    """What a recipient was assigned to in a send."""

    HOLDOUT = "holdout"
    INCUMBENT = "incumbent"
    CANDIDATE = "candidate"
    EXPLORE = "explore"


@dataclass(frozen=True, slots=True)
class Decision:
    """Immutable. `propensity` is the probability with which the logging policy puts this variant at this position
    (item-position marginal); `prefix_propensity` is that of the positions up to and including this one, jointly.
    Both are those of the mixture with the explore share; a holdout's default has propensity 1."""

    decision_id: DecisionId
    send_id: SendId
    recipient_id: RecipientId
    placement: PlacementId
    position: int
    variant: VariantId
    arm: Arm
    score: float | None
    propensity: float
    prefix_propensity: float
    decided_at: datetime
    model_version: ModelVersion | None


@dataclass(frozen=True, slots=True)
class PublishedDecision:
    """What the decision store holds for one recipient and placement: variants by position, or the default."""

    placement: PlacementId
    variants: tuple[VariantId, ...]
    send_id: SendId | None
    is_default: bool
    expires_at: datetime | None
