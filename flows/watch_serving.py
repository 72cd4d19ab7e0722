"""Watch how fast pages are answered: people are told when that gets too slow, and rollouts wait meanwhile."""

import logging
from datetime import timedelta

from prefect import flow

from delivery.notices import serving_notice
from domain.campaign import Campaign
from domain.errors import UnavailableError
from domain.serving import ServedLatency
from flows.tell import tell_of_rollout
from runtime.clock import now
from runtime.house import House, shared_house

_PAUSE = timedelta(hours=1)  # between two alarms
_log = logging.getLogger(__name__)


@flow(name="watch-serving")
def watch_serving() -> bool:
    """Whether pages are answered too slowly; people are told, once an hour."""
    house = shared_house()
    slow = slow_process(house)
    if slow and (campaign := _published_campaign(house)):
        tell_of_slowness(house, campaign, slow)
    return slow is not None


def tell_of_slowness(house: House, campaign: Campaign, slow: ServedLatency) -> None:
    """Tell people, unless they were told within the hour."""
    if house.serving.may_alarm(_PAUSE):
        tell_of_rollout(house, campaign, serving_notice(campaign.campaign, slow, float(house.settings.serving_p99_ms), now()))


def slow_process(house: House) -> ServedLatency | None:
    """The slowest process of those that are slower than is allowed."""
    worst, allowed = house.serving.worst(), house.settings.serving_p99_ms
    return worst if worst and allowed and worst.p99_ms > allowed else None


def served_p99_in(house: House, campaign: Campaign) -> float | None:
    """How fast pages that show this campaign are answered at present; None if none do, or it is not known."""
    if not campaign.published:
        return None
    try:
        worst = house.serving.worst()
    except UnavailableError as error:
        _log.warning("how fast pages are answered is not known: %s", error)
        return None
    return worst.p99_ms if worst else None


def _published_campaign(house: House) -> Campaign | None:
    """One whose placements pages show: notices are about a campaign."""
    campaigns = (house.contents.load(version).campaign for version in house.sends.contents().values())
    return next((one for one in campaigns if one.published), None)
