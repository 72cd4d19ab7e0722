"""For how long what was decided holds, and for how long people may still be looking at it."""

from datetime import timedelta

from domain.campaign import Campaign, Surface

LEFT_OPEN = timedelta(days=1)  # for which a page may stand open after what it shows was stale


def held_for(campaign: Campaign, kept: timedelta) -> timedelta:
    """For how long what was published holds: a web campaign says so itself, of letters it is `kept` as the installation says."""
    return timedelta(hours=campaign.refresh.ttl_hours) if campaign.surface is Surface.WEB else kept


def shown_for(campaign: Campaign) -> timedelta:
    """For how long pages show it after it was decided; a letter is there at once."""
    return timedelta(hours=campaign.refresh.ttl_hours) + LEFT_OPEN if campaign.surface is Surface.WEB else timedelta(0)
