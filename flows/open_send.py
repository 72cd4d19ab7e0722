"""Open a send: check all that can be checked before anybody is written to, then freeze what it is made of."""

from contextlib import closing
from datetime import datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.ids import SendId, send_id_of
from flows.open_esp import open_esp
from flows.plan_send import checked_content, planned_send
from runtime.clock import now
from runtime.house import shared_house


@task(name="open send", cache_policy=NO_CACHE)
def open_send(campaign: str, scheduled_at: datetime) -> SendId:
    """The id of the campaign's send at this instant: opened now, or found as it was opened before."""
    house = shared_house()
    name, _ = house.campaign_folder(campaign)
    if found := house.sends.get(send_id_of(name, scheduled_at)):
        return found.send_id
    at, content = now(), checked_content(house, campaign)
    send = planned_send(house, content, scheduled_at, at)
    with closing(open_esp(house, content.campaign)) as esp:
        esp.check()
    house.decisions.check()
    house.contents.save(content, at)
    house.holdouts.record_definition(name, content.campaign.holdout, at)
    return house.sends.open(send, at).send_id
