"""Leave out what a send may not choose: which variants each may see, by conditions, retirements, publication and experiments."""

from collections.abc import Mapping
from datetime import datetime

import pandas as pd

from audience.eligibility import Eligible, eligible_variants
from domain.content import Content
from domain.ids import PlacementId
from domain.variant_state import Retirement, VariantKey
from experiments.trials import allowed
from flows.leave_out_unpublished import unpublished_of
from flows.load_basis import Basis
from runtime.house import House


def eligible_then(basis: Basis, recipients: pd.DataFrame) -> Eligible:
    """Per placement bool[n, V] as of the send: what was retired, revived, published or withdrawn afterwards changes nothing about it."""
    found = dict(eligible_variants(basis.content, recipients, basis.house.recipients.attributes(), basis.send.as_of))
    retired = retired_of(basis.house, basis.content, basis.send.as_of)
    gone = {*retired, *unpublished_of(basis.house, basis.content, basis.send.as_of)}
    for placement in {placement for placement, _ in gone}:
        stays = [(placement, one.variant) not in gone for one in basis.content.of(placement)]
        found[placement] = found[placement] & pd.Series(stays).to_numpy(dtype=bool)
    for placement, mask in _of_experiments(basis.content, recipients).items():
        found[placement] = found[placement] & mask
    return found


def retired_of(house: House, content: Content, at: datetime) -> Mapping[VariantKey, Retirement]:
    """The variants of a content that are retired at an instant."""
    mine = {(one.placement, one.variant) for one in content.variants}
    return {key: one for key, one in house.retirements.at(at).items() if key in mine}


def _of_experiments(content: Content, recipients: pd.DataFrame) -> Eligible:
    """What the arms of experiments leave; an experiment shares no placement with another."""
    ids = {one.folder: one.placement for one in content.campaign.placements}
    variants = {folder: [str(one.variant) for one in content.of(placement)] for folder, placement in ids.items()}
    addresses, made = recipients["address"].tolist(), dict[PlacementId, "object"]()
    for name, experiment in content.campaign.experiments.items():
        made |= {ids[folder]: mask for folder, mask in allowed(addresses, name, experiment, variants).items()}
    return made  # type: ignore[return-value]
