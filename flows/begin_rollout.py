"""Begin a rollout: a new candidate goes into the shadow, in place of one that sits there without a prospect.

Behind one whose shadow is waited for, or that is served already, it waits: it stays a candidate in the registry.
"""

from dataclasses import replace
from datetime import datetime

from domain.audit import AuditEntry, Deed
from domain.campaign import Campaign, Ramp
from domain.ids import ModelVersion
from domain.rollout import Look, Rollout, RolloutState, Verdict, salt_of
from flows.find_batches import shadowed_batches
from flows.gather_evidence import own_looks
from flows.pause_send import BY_ITSELF
from flows.step_rollout import step
from runtime.house import House


def begin_rollout(
    house: House, campaign: Campaign, candidate: ModelVersion, at: datetime, *, who: str = BY_ITSELF, why: str | None = None
) -> str:
    """Begin it, unless it has to wait; one sentence about which. The campaign has an incumbent."""
    incumbent = house.models.incumbent(campaign.campaign)
    if incumbent is None or incumbent == candidate:
        return f"{candidate} decides already" if incumbent else "there is no incumbent to compare with"
    before = house.rollouts.current(campaign.campaign)
    if before and before.candidate == candidate:
        return f"the rollout of {candidate} goes on already"
    if before and (waits := _waits_for(house, before, at)):
        return f"{candidate} waits: {waits}"
    if before:
        _replace(house, before, candidate, at, who)
    ramp = campaign.rollout or Ramp()
    salt = salt_of(campaign.campaign, candidate)
    rollout = Rollout(
        campaign.campaign,
        candidate,
        incumbent,
        salt,
        RolloutState.SHADOW,
        None,
        began_at=at,
        stage_since=at,
        stages=ramp.stages,
        control=ramp.control,
    )
    detail = {"campaign": campaign.campaign, "candidate": candidate, "incumbent": incumbent}
    begun = house.rollouts.begin(rollout, AuditEntry(at, who, Deed.ROLLOUT_BEGAN, None, why, detail))
    return f"{candidate} decides in the shadow of {incumbent} from now on" if begun else f"{candidate} had its rollout already"


def _waits_for(house: House, before: Rollout, at: datetime) -> str | None:
    """What a newer candidate waits for; None where it takes the other's place: in the shadow, judged and not let out, or not begun."""
    if before.stage is not None or before.state is RolloutState.HELD:
        return f"the rollout of {before.candidate} goes on ({before.state})"
    if (found := shadowed_batches(house, before, at)) and not own_looks(house, before):
        return f"{before.candidate} sits in the shadow of a {found[-1].noun} whose clicks are waited for"
    return None


def _replace(house: House, before: Rollout, candidate: ModelVersion, at: datetime, who: str) -> None:
    reasons = (f"{candidate} is newer",)
    look = Look(before.campaign, before.candidate, at, Verdict.ROLL_BACK, reasons, who=who, state=before.state, stage=before.stage)
    step(house, before, replace(before, state=RolloutState.REPLACED, reason=reasons[0]), look)
