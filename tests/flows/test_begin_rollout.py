"""Which candidate goes into the shadow, which waits, and what ends a rollout from outside."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from domain.audit import Deed
from domain.campaign import Campaign
from domain.ids import CampaignId, ModelVersion, SendId, digest
from domain.model import ModelState
from domain.rollout import Look, Rollout, RolloutState, Verdict
from domain.send import Send, SendStatus
from flows.advance_rollout import advance_rollout
from flows.begin_rollout import begin_rollout
from flows.plan_send import checked_content
from flows.retrain_ranker import asks_for_rollout
from flows.steer_rollout import steer_rollout
from runtime.house import House
from tests.flows.conftest import AT

pytestmark = [pytest.mark.journey, pytest.mark.usefixtures("prefect")]
WEEKLY = CampaignId("weekly")
OLD, NEW, NEWER = (ModelVersion(name) for name in ("old", "new", "newer"))
DAY = timedelta(days=1)
on_sqlite = pytest.mark.parametrize("house", ["sqlite"], indirect=True)  # nothing of it depends on the database


@pytest.fixture
def campaign(house: House, campaign_folder: Path, people: Callable[[int], None]) -> Campaign:
    """A campaign that asks for rollouts, with three models in the registry of which the first decides."""
    people(10)
    written = campaign_folder / "campaign.yaml"
    written.write_text(written.read_text() + "rollout: {stages: [0.1, 1]}\n")
    for version in (OLD, NEW, NEWER):
        house.models.save(version, WEEKLY, {"model": b"-"}, {}, trained_at=AT, as_of=AT)
    content = checked_content(house, WEEKLY)
    house.contents.save(content, AT)
    house.models.set_state(OLD, ModelState.INCUMBENT)
    return content.campaign


def over(house: House, campaign: Campaign, days: float) -> Send:
    """A send that the incumbent decided alone and that is over."""
    at = AT + days * DAY
    version = checked_content(house, campaign.campaign).content_version
    send = Send(SendId(f"weekly-{digest(str(days))}"), WEEKLY, at, at, version, OLD, 1, "folder", "http://x.example", "k")
    house.sends.open(send, at)
    house.sends.set_status(send.send_id, SendStatus.FINISHED, None, at)
    return send


def state_of(house: House, version: ModelVersion) -> tuple[RolloutState, ModelState]:
    """Where a candidate and its model stand."""
    rollout, model = house.rollouts.get(WEEKLY, version), house.models.get(version)
    assert rollout and model
    return rollout.state, model.state


@on_sqlite
def test_the_first_model_has_nobody_to_be_compared_with(house: House, campaign: Campaign) -> None:
    """Without an incumbent, or where the campaign does not ask, a new model decides at once."""
    assert asks_for_rollout(house, campaign)
    house.models.set_state(OLD, ModelState.RETIRED)
    assert not asks_for_rollout(house, campaign)
    assert begin_rollout(house, campaign, NEW, AT) == "there is no incumbent to compare with"
    assert house.rollouts.list() == []


def test_a_newer_candidate_takes_the_place_of_one_in_the_shadow(house: House, campaign: Campaign) -> None:
    """Unless a send has passed in whose shadow it sits and it was not looked at yet: else weekly training would never let one out."""
    assert "in the shadow of old" in begin_rollout(house, campaign, NEW, AT)
    assert "goes on already" in begin_rollout(house, campaign, NEW, AT + DAY)
    send = over(house, campaign, 1)
    assert begin_rollout(house, campaign, NEWER, AT + 2 * DAY).startswith("newer waits: new sits in the shadow")
    looked = Look(WEEKLY, NEW, AT + 3 * DAY, Verdict.HOLD, ("cannot tell",), state=RolloutState.SHADOW, sends=(send.send_id,))
    assert house.rollouts.record(looked)
    assert "in the shadow of old" in begin_rollout(house, campaign, NEWER, AT + 4 * DAY)
    assert state_of(house, NEW) == (RolloutState.REPLACED, ModelState.REJECTED)
    assert state_of(house, NEWER) == (RolloutState.SHADOW, ModelState.CANDIDATE)
    assert [entry.what for entry in house.audit.of()] == [Deed.ROLLOUT_BEGAN, Deed.REPLACED, Deed.ROLLOUT_BEGAN]


@on_sqlite
def test_behind_one_that_is_served_a_newer_one_waits(house: House, campaign: Campaign) -> None:
    """It stays a candidate in the registry; when the other has ended there is room for it."""
    begin_rollout(house, campaign, NEW, AT)
    steered = steer_rollout(house, WEEKLY, Verdict.ADVANCE, AT + DAY, who="ada", why="fine")
    assert (steered.state, steered.share) == (RolloutState.RAMPING, 0.1)
    assert begin_rollout(house, campaign, NEWER, AT + 2 * DAY) == "newer waits: the rollout of new goes on (ramping)"
    steer_rollout(house, WEEKLY, Verdict.ROLL_BACK, AT + 3 * DAY, who="ada", why="no")
    assert "had its rollout already" in begin_rollout(house, campaign, NEW, AT + 4 * DAY)
    assert "in the shadow of old" in begin_rollout(house, campaign, NEWER, AT + 4 * DAY)


@on_sqlite
@pytest.mark.parametrize(
    ("decides", "ended", "model"),
    [(NEW, RolloutState.PROMOTED, ModelState.INCUMBENT), (NEWER, RolloutState.ROLLED_BACK, ModelState.REJECTED)],
)
def test_who_promotes_a_model_by_hand_ends_the_rollout(
    house: House, campaign: Campaign, decides: ModelVersion, ended: RolloutState, model: ModelState
) -> None:
    """The candidate has taken over then; beside any other model its comparison means nothing, and it goes back."""
    begin_rollout(house, campaign, NEW, AT)
    steer_rollout(house, WEEKLY, Verdict.ADVANCE, AT + DAY, who="ada", why="fine")
    house.models.set_state(decides, ModelState.INCUMBENT)
    advance_rollout()
    assert state_of(house, NEW) == (ended, model)
    assert house.models.incumbent(WEEKLY) == decides
    looks = house.rollouts.looks(_rollout(house))
    advance_rollout()
    assert house.rollouts.looks(_rollout(house)) == looks


def _rollout(house: House) -> Rollout:
    found = house.rollouts.get(WEEKLY, NEW)
    assert found
    return found
