"""Leave out what is not published: the variants of pages that nobody has seen come out at the CDN's other end as they are now."""

from collections.abc import Mapping
from datetime import datetime

from delivery.published_files import published_variants, version_of
from domain.content import Content
from domain.errors import InputError
from domain.publication import standing
from domain.variant_state import VariantKey
from runtime.house import House


def unpublished_of(house: House, content: Content, at: datetime) -> Mapping[VariantKey, str]:
    """The variants of a content that pages would show and that may not be chosen at an instant, each with why."""
    variants = published_variants(content)
    if not variants:
        return {}
    steps = house.publications.at({one.placement for one in variants}, at)
    found = {(one.placement, one.variant): standing(steps.get((one.placement, one.variant)), version_of(one)) for one in variants}
    return {key: why for key, why in found.items() if why}


def require_published_defaults(house: House, content: Content, at: datetime) -> None:
    """Raise InputError unless every default that pages show is published: whoever nothing is decided for gets it, the holdout included."""
    missing = unpublished_of(house, content, at)
    defaults = [(one.placement, one.variant) for one in published_variants(content) if one.is_default]
    for key in defaults:
        if key in missing:
            placement, variant = key
            what = f"{placement}/{variant}, which is shown when nothing was chosen, is {missing[key]}"
            raise InputError(what, hint=f"letterpress publish {content.campaign.campaign}")
