"""The campaign as it is written now; as its last send had it, where the files cannot be read or are wrong."""

from domain.campaign import Campaign
from domain.errors import LetterpressError
from domain.ids import CampaignId
from flows.plan_send import checked_content
from runtime.house import House


def campaign_of(house: House, campaign: CampaignId) -> Campaign | None:
    """None for a campaign that has neither files nor sends."""
    try:
        return checked_content(house, campaign).campaign
    except LetterpressError:
        send = house.sends.latest(campaign, surface=None)
        return house.contents.load(send.content_version).campaign if send else None
