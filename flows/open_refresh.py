"""Open a refresh: the send of a campaign whose placements are on pages. What it decides by is frozen, as for letters."""

from dataclasses import replace
from datetime import datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.audit import AuditEntry, Deed
from domain.campaign import Surface
from domain.content import Content
from domain.errors import InputError
from domain.ids import CampaignId, SendId, send_id_of
from domain.send import Send, SendStatus
from flows.pause_send import BY_ITSELF
from flows.plan_send import checked_content, planned_send, require_surface
from flows.publish_contexts import check_contexts
from runtime.clock import now
from runtime.house import House, shared_house

TIERS = 4  # of a refresh that stops after some time


@task(name="open refresh", cache_policy=NO_CACHE)
def open_refresh(campaign: str, scheduled_at: datetime, by: str | None = None) -> SendId:
    """The id of the campaign's refresh at this instant: opened now, or found as it was opened before.

    An earlier one that nobody works on any more is over with it. InputError where somebody does, or for a campaign of letters.
    """
    house = shared_house()
    name, _ = house.campaign_folder(campaign)
    if found := house.sends.get(send_id_of(name, scheduled_at)):
        return found.send_id
    at, content = now(), checked_content(house, campaign)
    require_surface(content, Surface.WEB)
    refresh = planned_refresh(house, content, scheduled_at, at, by)
    house.decisions.check()
    supersede(house, name, refresh.send_id)
    house.contents.save(content, at)
    house.holdouts.record_definition(name, content.campaign.holdout, at)
    opened = house.sends.open(refresh, at)
    detail = {"content_version": refresh.content_version, "surface": Surface.WEB.value}
    house.audit.add(AuditEntry(at, by or BY_ITSELF, Deed.OPENED, opened.send_id, detail=detail))
    return opened.send_id


def planned_refresh(house: House, content: Content, scheduled_at: datetime, at: datetime, opened_by: str | None = None) -> Send:
    """The refresh as it would be opened at `at`. InputError without recipients, or with a model or contexts that do not fit them."""
    check_contexts(house, content.campaign.refresh.contexts)
    if content.campaign.refresh.ttl_hours > 24 * house.settings.refreshed_days - 24:
        hint = "let them hold for less, or keep what was decided for longer"
        raise InputError("refresh: ttl_hours is longer than refreshed_days of letterpress.toml, less a day", hint=hint)
    planned = planned_send(house, content, scheduled_at, at, opened_by)
    tiers = TIERS if content.campaign.refresh.minutes else 1
    return replace(planned, tiers=tiers, shards=planned.shards * tiers)


def supersede(house: House, campaign: CampaignId, by: SendId) -> None:
    """End what is left of the campaign's earlier refreshes: what they published stays, and they must not publish over what is newer."""
    for send in house.sends.open_ones():
        if send.campaign != campaign or send.surface is not Surface.WEB:
            continue
        if live := house.runs.live(send.send_id, now()):
            hint = f"wait for it, or: letterpress pause {send.send_id}"
            raise InputError(f"{send.send_id} is being worked on by process {live[0].pid}", hint=hint)
        house.sends.set_status(send.send_id, SendStatus.CANCELLED, f"superseded by {by}", now(), expected={send.status})
