"""Steer a rollout by hand: advance, hold, go back. Written down like everything that it does by itself."""

from dataclasses import replace
from datetime import datetime

from domain.errors import InputError
from domain.ids import CampaignId
from domain.rollout import Look, Rollout, RolloutState, Verdict
from flows.step_rollout import advanced, settle_open, step
from runtime.house import House


def steer_rollout(house: House, campaign: CampaignId, verdict: Verdict, at: datetime, *, who: str, why: str) -> Rollout:
    """Take the step that a person asks for. ADVANCE goes to the next stage whatever was seen, and lets a held one go on.

    InputError where no rollout goes on, or where somebody else took a step meanwhile.
    """
    settle_open(house)
    before = going_on(house, campaign)
    look = Look(campaign, before.candidate, at, verdict, (why,), who=who, state=before.state, stage=before.stage)
    if after := step(house, before, steered(before, verdict, why, at), look):
        return after
    raise InputError("somebody else took a step meanwhile", hint=f"letterpress rollout status {campaign}")


def steered(before: Rollout, verdict: Verdict, why: str, at: datetime) -> Rollout:
    """What the rollout becomes."""
    if verdict is Verdict.ROLL_BACK:
        return replace(before, state=RolloutState.ROLLED_BACK, reason=why)
    if verdict is Verdict.HOLD:
        return replace(before, state=RolloutState.HELD, reason=why)
    if before.state is RolloutState.HELD:
        return replace(before, state=before.moving_state, reason=None)
    return advanced(before, at)


def going_on(house: House, campaign: CampaignId) -> Rollout:
    """The campaign's rollout. InputError where none goes on."""
    if found := house.rollouts.current(campaign):
        return found
    hint = "retraining begins one where campaign.yaml says `rollout:`; or letterpress rollout begin CAMPAIGN MODEL"
    raise InputError(f"no rollout of {campaign} goes on", hint=hint)
