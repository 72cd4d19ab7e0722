"""A rollout: a candidate model takes over from the incumbent in stages, and goes back by itself when it does harm."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.ids import CampaignId, ModelVersion


class RolloutState(StrEnum):
    """SHADOW → RAMPING → WATCHING → PROMOTED; from each of the first three also ROLLED_BACK. HELD stands still until a person decides."""

    SHADOW = "shadow"  # decides beside the incumbent; nothing of it is served
    RAMPING = "ramping"
    HELD = "held"
    WATCHING = "watching"  # decides for everyone but a control
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"


class Verdict(StrEnum):
    """What one look at a rollout ends in."""

    ADVANCE = "advance"
    HOLD = "hold"
    ROLL_BACK = "roll_back"


STAGES = (0.01, 0.05, 0.2, 0.5, 1.0)
"""Share of the recipients outside the holdout for whom the candidate decides, stage by stage."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """Where a campaign's rollout stands.

    `stage`: 0, 1, … into STAGES; None in the shadow. `salt` draws the recipients it decides for, nested over stages.
    """

    campaign: CampaignId
    candidate: ModelVersion
    incumbent: ModelVersion
    salt: str
    state: RolloutState
    stage: int | None
    began_at: datetime
    stage_since: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a rollout: what was seen, and what it ended in. `figures` by metric and name, for the record and the page."""

    campaign: CampaignId
    candidate: ModelVersion
    at: datetime
    verdict: Verdict
    reasons: tuple[str, ...]
    who: str = "letterpress"
    figures: Mapping[str, Mapping[str, float | str]] = field(default_factory=dict)
