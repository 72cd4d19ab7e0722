"""Open the ESP that a campaign's letters are handed to: its own, else the installation's."""

from delivery.esp import build_esp
from delivery.esp.port import Esp
from domain.campaign import Campaign
from runtime.house import House


def open_esp(house: House, campaign: Campaign) -> Esp:
    """The ESP's adapter; nothing is connected before it is used."""
    home = house.settings.home
    if campaign.esp:
        return build_esp(campaign.esp, home=home, setting=f"esp in {campaign.file or campaign.campaign}")
    return build_esp(house.settings.esp, home=home)
