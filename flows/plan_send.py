"""Plan a send: check what was written and what it stands on, and say what the send would be made of. Writes nothing."""

import logging
from contextlib import closing
from datetime import datetime
from pathlib import Path

from audience.eligibility import check_expressions
from delivery.addresses import domain_of
from delivery.compile import compile_campaign
from domain.campaign import Campaign, Surface
from domain.content import Content
from domain.errors import InputError
from domain.hashing import BUCKETS
from domain.ids import send_id_of
from domain.recipient import STANDARD_COLUMNS
from domain.rollout import Rollout
from domain.send import Send
from flows.leave_out_unpublished import require_published_defaults
from flows.load_model import load_model
from flows.open_esp import open_esp
from ranking.compatibility import check_compatible
from ranking.model import RankingModel
from runtime.house import House
from runtime.keys import signing_keys

_log = logging.getLogger(__name__)


def checked_content(house: House, campaign: str) -> Content:
    """The campaign's compiled content. InvalidInput with every mistake, those in its expressions included."""
    _, folder = house.campaign_folder(campaign)
    attributes = house.recipients.attributes()
    content = compile_campaign(Path(folder), columns=(*STANDARD_COLUMNS, *attributes))
    check_expressions(content, attributes)
    return content


def planned_send(house: House, content: Content, scheduled_at: datetime, at: datetime, opened_by: str | None = None) -> Send:
    """The send as it would be opened at `at`. InputError without recipients, with a model that does not fit them, or where a default that
    pages show is not published."""
    if not (count := house.recipients.count()):
        raise InputError("there are no recipients", hint="letterpress import recipients FILE")
    campaign = content.campaign
    require_published_defaults(house, content, at)
    if model := load_model(house, house.models.incumbent(campaign.campaign)):
        check_compatible(model, house.recipients.attributes(), content)
    rollout = rollout_for(house, content, model)
    return Send(
        send_id=send_id_of(campaign.campaign, scheduled_at),
        campaign=campaign.campaign,
        scheduled_at=scheduled_at,
        as_of=at,
        content_version=content.content_version,
        model_version=model.model_version if model else None,
        shards=min(BUCKETS, -(-count // house.settings.shard_size)),
        surface=campaign.surface,
        esp=_esp_of(house, campaign),
        public_url=house.settings.public_url,
        key_id=next(iter(signing_keys(house.settings))),
        sender_domain=domain_of(campaign.sender.address) if campaign.sender else "",
        opened_by=opened_by,
        topic=campaign.topic,
        candidate_version=rollout.candidate if rollout else None,
        rollout_salt=rollout.salt if rollout else "",
        rollout_share=rollout.share if rollout else 0.0,
    )


def _esp_of(house: House, campaign: Campaign) -> str:
    """The name of who delivers the letters; "" for pages, which nobody does."""
    if campaign.surface is Surface.WEB:
        return ""
    with closing(open_esp(house, campaign)) as esp:
        return esp.name


def require_surface(content: Content, surface: Surface) -> None:
    """Raise InputError for a campaign of the other surface: letters are sent, pages are refreshed."""
    campaign = content.campaign
    if campaign.surface is not surface:
        what, verb = ("pages", "refresh") if surface is Surface.MAIL else ("letters", "send")
        raise InputError(f"{campaign.campaign} is a campaign of {what}", hint=f"letterpress {verb} {campaign.campaign}")


def rollout_for(house: House, content: Content, incumbent: RankingModel | None) -> Rollout | None:
    """The rollout that the send takes part in; None where nothing of it is served yet, where its incumbent is no longer the one, or
    where the candidate does not fit what there is now: no send waits for a candidate."""
    found = house.rollouts.current(content.campaign.campaign)
    if found is None or not found.share or incumbent is None or found.incumbent != incumbent.model_version:
        return None
    try:
        if candidate := load_model(house, found.candidate):
            check_compatible(candidate, house.recipients.attributes(), content)
    except InputError as error:
        _log.warning("the rollout of %s is left out of this send: %s", found.candidate, error)
        return None
    return found
