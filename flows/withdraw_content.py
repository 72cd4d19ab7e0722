"""Withdraw content: nobody is decided for it any more, then pages show the default in its place, then its file goes."""

from dataclasses import replace

from prefect import flow

from delivery.published_files import names
from domain.audit import AuditEntry, Deed
from domain.content import Content
from domain.errors import InputError, LetterpressError
from domain.ids import PlacementId, VariantId
from domain.publication import Publication, PublicationState
from domain.variant_state import VariantKey
from flows.clear_content import list_shown
from flows.pause_send import BY_ITSELF
from flows.publish_content import publishable
from runtime.clock import now
from runtime.house import House, shared_house
from storage.content_files import ContentFiles


@flow(name="withdraw-content", flow_run_name="{placement}/{variant}")
def withdraw_content(campaign: str, placement: str, variant: str, because: str) -> None:
    """Withdraw a variant of a campaign. Its file goes with a later run of publish-content, when no loaded page asks for it any more."""
    withdrawn(shared_house(), campaign, (PlacementId(placement), VariantId(variant)), because, BY_ITSELF)


def withdrawn(house: House, campaign: str, named: VariantKey, because: str, by: str) -> Publication:
    """The step of a withdrawal, taken now or before. InputError for a default, and for what was never published.

    The step comes first: from it on nothing chooses the variant, and whoever serves shows the default. The files that say what is shown at
    present follow; should they not be reached, repeating the withdrawal writes them.
    """
    content = _content(house, campaign)
    key = _key(content, named)
    if any((one.placement, one.variant) == key and one.is_default for one in content.variants):
        hint = "make another variant the default, publish, then withdraw this one"
        raise InputError(f"{'/'.join(key)} is what is shown when nothing was chosen", hint=hint)
    last = house.publications.at(None, now())
    if key not in last:
        raise InputError(f"{'/'.join(key)} was never published", hint=f"letterpress content {campaign}")
    if last[key].state is not PublicationState.WITHDRAWN:
        gone = [step for other, step in last.items() if other == key or names(other, key)]
        house.publications.step(*(replace(step, state=PublicationState.WITHDRAWN, at=now(), reason=because) for step in gone))
        detail = {"placement": key[0], "variant": key[1]}
        house.audit.add(AuditEntry(now(), by, Deed.CONTENT_WITHDRAWN, None, because, detail))
    list_shown(house, ContentFiles(house.settings.content_place), content, now())
    return house.publications.at([key[0]], now())[key]


def _content(house: House, campaign: str) -> Content:
    """The content as it is written; as it was last decided with, where the files are wrong: a withdrawal does not wait for that."""
    try:
        return publishable(house, campaign)
    except LetterpressError:
        name, _ = house.campaign_folder(campaign)
        if latest := house.contents.latest(name):
            return latest
        raise


def _key(content: Content, named: VariantKey) -> VariantKey:
    """`home_hero` is `web.home_hero` to those who withdraw it."""
    placements = {one.folder: one.placement for one in content.campaign.published}
    placement = placements.get(named[0], named[0])
    if placement not in placements.values():
        raise InputError(f"{placement} is no published placement", hint=f"known: {', '.join(placements)}")
    return placement, named[1]
