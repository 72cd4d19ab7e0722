"""Open the pace that letters of a campaign leave at: what the ESP's account takes, and what the campaign allows, over all processes."""

from delivery.esp.port import Esp
from delivery.pace import ByCall, Pace, Strictest, Unpaced
from domain.campaign import Campaign
from domain.pace import Allowance
from runtime.house import House
from runtime.services import redis_url_of
from storage.pace import RedisPace

_SPAN = 0.25  # seconds' worth of letters that leave at once: smooth, and few enough claims
_MINUTE = 60.0


def open_pace(house: House, esp: Esp, campaign: Campaign) -> Pace:
    """The strictest of what limits these letters."""
    paces = [*_of_campaign(house, campaign), *_of_account(house, esp, campaign)]
    return Strictest(paces) if paces else Unpaced()


def _of_campaign(house: House, campaign: Campaign) -> list[Pace]:
    """Its own limit, which an ESP's throttling does not touch."""
    if campaign.departure.per_minute is None:
        return []
    allowance = Allowance(campaign.departure.per_minute / _MINUTE, span=1.0, adapts=False)
    return [RedisPace(redis_url_of(house.settings), f"campaign {campaign.campaign}", allowance)]


def _of_account(house: House, esp: Esp, campaign: Campaign) -> list[Pace]:
    """The account's: at the rate that is set, else at the calls per second that the ESP documents, else whatever it takes.

    The rate that is set is that of the installation's account; a campaign that names its own ESP has another.
    """
    habits, url = esp.habits, redis_url_of(house.settings)
    if not habits.throttles:
        return []
    if house.settings.esp_rate and not campaign.esp:
        # With this span no more calls are made in a second than the ESP allows, as long as each takes what may leave at once.
        span = max(_SPAN, 1 / habits.calls_per_second) if habits.calls_per_second else _SPAN
        return [RedisPace(url, esp.name, Allowance(float(house.settings.esp_rate), span))]
    if habits.calls_per_second:
        return [ByCall(RedisPace(url, f"{esp.name} calls", Allowance(habits.calls_per_second, _SPAN)))]
    return [RedisPace(url, esp.name, Allowance(None, _SPAN))]
