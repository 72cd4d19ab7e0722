"""Step a rollout: write down why, take the step, and do all that follows from it; whatever is interrupted is done by the next run."""

from dataclasses import replace
from datetime import datetime

from delivery.notices import rollout_notice
from domain.audit import AuditEntry, Deed
from domain.model import ModelState
from domain.rollout import Look, Rollout, RolloutState
from flows.campaign_of import campaign_of
from flows.return_to_incumbent import return_to_incumbent
from flows.tell import tell_of_rollout
from runtime.house import House

_DEEDS = {
    RolloutState.SHADOW: Deed.ROLLOUT_ADVANCED,
    RolloutState.RAMPING: Deed.ROLLOUT_ADVANCED,
    RolloutState.WATCHING: Deed.ROLLOUT_ADVANCED,
    RolloutState.HELD: Deed.ROLLOUT_HELD,
    RolloutState.PROMOTED: Deed.PROMOTED,
    RolloutState.ROLLED_BACK: Deed.ROLLED_BACK,
    RolloutState.REPLACED: Deed.REPLACED,
}
_MODELS = {
    RolloutState.PROMOTED: ModelState.INCUMBENT,
    RolloutState.ROLLED_BACK: ModelState.REJECTED,
    RolloutState.REPLACED: ModelState.REJECTED,
}


def advanced(rollout: Rollout, at: datetime) -> Rollout:
    """The next stage; after the last one the candidate has taken over."""
    if rollout.is_last_stage:
        return replace(rollout, state=RolloutState.PROMOTED, stage_since=at)
    moved = replace(rollout, stage=rollout.next_stage, stage_since=at, reason=None)
    return replace(moved, state=moved.moving_state)


def step(house: House, before: Rollout, after: Rollout, look: Look) -> Rollout | None:
    """Take a step and settle it. None if somebody else took one meanwhile."""
    if not house.rollouts.step(before, after, look, entry_of(after, look)):
        return None
    return settle(house, replace(after, settled=False))


def settle(house: House, rollout: Rollout) -> Rollout:
    """Do what follows from a rollout's last step: the registry, the decision store, telling people. Repeating it changes nothing.

    It stays unsettled while a send that has to go back is still being worked on.
    """
    if rollout.state in _MODELS:
        house.models.set_state(rollout.candidate, _MODELS[rollout.state])
    if rollout.state is RolloutState.ROLLED_BACK and not return_to_incumbent(house, rollout):
        return rollout
    looks = house.rollouts.looks(rollout)
    if looks and (campaign := campaign_of(house, rollout.campaign)):
        tell_of_rollout(house, campaign, rollout_notice(rollout, looks[-1]))
    house.rollouts.settle(rollout)
    return replace(rollout, settled=True)


def settle_open(house: House) -> list[Rollout]:
    """Settle every rollout whose last step was interrupted."""
    return [settle(house, rollout) for rollout in house.rollouts.list() if not rollout.settled]


def entry_of(rollout: Rollout, look: Look) -> AuditEntry:
    """A step as the audit trail has it."""
    detail = {"campaign": rollout.campaign, "candidate": rollout.candidate, "state": rollout.state.value, "share": rollout.share}
    return AuditEntry(look.at, look.who, _DEEDS[rollout.state], None, "; ".join(look.reasons), detail)
