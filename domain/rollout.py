"""A rollout: a candidate model takes over from the incumbent in stages, and goes back by itself when it does harm."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.ids import CampaignId, ModelVersion, SendId, digest


class RolloutState(StrEnum):
    """SHADOW → RAMPING → WATCHING → PROMOTED; from each of the first three also ROLLED_BACK. HELD stands still until a person decides."""

    SHADOW = "shadow"  # decides beside the incumbent; nothing of it is served
    RAMPING = "ramping"
    HELD = "held"  # goes back on established harm all the same
    WATCHING = "watching"  # decides for everyone but a control
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    REPLACED = "replaced"  # by a newer candidate, before anything of it was served


class Verdict(StrEnum):
    """What one look at a rollout ends in."""

    ADVANCE = "advance"
    HOLD = "hold"
    ROLL_BACK = "roll_back"


STAGES = (0.01, 0.05, 0.2, 0.5, 1.0)
"""Share of the recipients outside the holdout for whom the candidate decides, stage by stage."""

CONTROL = 0.05
"""Share of them whom the incumbent keeps while the candidate is watched at the last stage."""

ENDED = frozenset({RolloutState.PROMOTED, RolloutState.ROLLED_BACK, RolloutState.REPLACED})


@dataclass(frozen=True, slots=True)
class Rollout:
    """Where a campaign's rollout stands.

    `stage`: 0, 1, … into `stages`; None in the shadow. `salt` draws the recipients it decides for, nested over stages. `stages` and
    `control` are frozen when it begins. `settled`: whether everything that follows from its last step has been done.
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
    stages: tuple[float, ...] = STAGES
    control: float = CONTROL
    settled: bool = True

    @property
    def share(self) -> float:
        """The share of recipients outside the holdout for whom the candidate decides; the control is left out of the last stage."""
        if self.stage is None or self.state in ENDED:
            return 0.0
        return min(self.stages[self.stage], 1.0 - self.control)

    @property
    def is_last_stage(self) -> bool:
        """Whether the candidate decides for everyone but the control."""
        return self.stage == len(self.stages) - 1

    @property
    def next_stage(self) -> int:
        """The stage after this one; the first one from the shadow."""
        return 0 if self.stage is None else self.stage + 1

    @property
    def moving_state(self) -> RolloutState:
        """The state of its stage when nobody holds it."""
        if self.stage is None:
            return RolloutState.SHADOW
        return RolloutState.WATCHING if self.is_last_stage else RolloutState.RAMPING


def salt_of(campaign: CampaignId, candidate: ModelVersion) -> str:
    """The salt of a rollout: another candidate is tried on other recipients first."""
    return f"{campaign}:{candidate}"


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a rollout: what was seen, and what it ended in. `figures` by metric and name, for the record and the page.

    `state`, `stage` and `sends` are what it looked at; the same again with the same reasons is the same look, however often it is taken.
    """

    campaign: CampaignId
    candidate: ModelVersion
    at: datetime
    verdict: Verdict
    reasons: tuple[str, ...]
    who: str = "letterpress"
    figures: Mapping[str, Mapping[str, float | str]] = field(default_factory=dict)
    state: RolloutState = RolloutState.SHADOW
    stage: int | None = None
    sends: tuple[SendId, ...] = ()

    @property
    def look_id(self) -> str:
        """Names what was looked at and what it ended in; of a person's deed also when."""
        when = "" if self.who == "letterpress" else self.at.isoformat()
        seen = (self.campaign, self.candidate, self.state, str(self.stage), self.verdict, self.who, when, *self.sends)
        return digest("look", *seen, *self.reasons)
