"""Count the visitors whom a refresh would decide for, without opening one."""

from datetime import datetime, timedelta

from audience.counts import AudienceCounts
from audience.expressions import parse
from audience.visitors import find_visitors
from domain.content import Content
from domain.message import Exclusion
from flows.open_refresh import planned_refresh
from runtime.house import House
from storage.activity import ActivityBook


def count_visitors(house: House, content: Content, at: datetime) -> AudienceCounts:
    """As if the campaign were refreshed at this instant, by reason. Writes nothing."""
    campaign, refresh = content.campaign, planned_refresh(house, content, at, at)
    book = ActivityBook(house.lake, house.database, memory_mb=house.settings.feature_memory_mb)
    active = book.latest(at - timedelta(days=campaign.refresh.active_days), at).to_pandas()
    expression = parse(campaign.audience, house.recipients.attributes(), campaign.file, campaign.audience_line)
    candidates = matched = visitors = 0
    for slot in range(refresh.slots):
        found = find_visitors(house.recipients.load_expanded(*refresh.buckets(slot)), active, expression=expression, as_of=at)
        candidates, matched, visitors = candidates + found.candidates, matched + found.matched, visitors + len(found.visitors)
    excluded = {Exclusion.INACTIVE: matched - visitors, Exclusion.OVER_BUDGET: max(0, visitors - campaign.refresh.recipients)}
    return AudienceCounts(candidates, matched, {reason: count for reason, count in excluded.items() if count})
