"""Advance rollouts: look at each one that goes on, and let it move, stand still or go back."""

from prefect import flow, get_run_logger
from prefect.client.schemas import State
from prefect.states import Completed

from domain.ids import CampaignId
from domain.rollout import Look, Rollout
from flows.attribute_outcomes import attribute_recent
from flows.campaign_of import campaign_of
from flows.look_at_rollout import look_at_rollout, overtaken
from flows.look_at_shadow import look_at_shadow
from flows.show_rollout import show_look
from flows.step_rollout import settle_open
from runtime.clock import now
from runtime.house import House, shared_house
from runtime.services import decision_store_running


@flow(name="advance-rollout")
def advance_rollout() -> State[list[str]]:
    """One look at every rollout of which there is something new to see. Run as often as one likes; a run that died is made good."""
    house = shared_house()
    with decision_store_running(house.settings):
        settle_open(house)
        going_on = [rollout for one in _campaigns(house) if (rollout := house.rollouts.current(one))]
        if going_on:
            attribute_recent(house)
        looks = [look for rollout in going_on if (look := look_once(house, rollout))]
    said = [f"{look.campaign}: {look.candidate}: {look.verdict}: {'; '.join(look.reasons)}" for look in looks]
    return Completed(message="; ".join(said) or "nothing new to see", data=said)


def look_once(house: House, rollout: Rollout) -> Look | None:
    """One look, by the rules of the rollout's state; shown on the run's page when there was something to see."""
    campaign = campaign_of(house, rollout.campaign)
    if campaign is None:
        get_run_logger().warning("%s has neither files nor sends: its rollout stands still", rollout.campaign)
        return None
    look_by_state = look_at_shadow if rollout.stage is None else look_at_rollout
    look = overtaken(house, rollout, now()) or look_by_state(house, rollout, campaign, now())
    if look:
        show_look(look)
    return look


def _campaigns(house: House) -> list[CampaignId]:
    return sorted({rollout.campaign for rollout in house.rollouts.list()})
