"""Price the variants of which a send has only so many: once, over the whole audience, before anything is drawn."""

from collections.abc import Iterable

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.decision import Arm
from domain.errors import InputError
from domain.hashing import keys_of
from domain.ids import SendId
from flows.load_basis import Basis, load_basis
from flows.prepare_choices import ShardInputs, halves, prepare_choices, read_inputs
from ranking.deciding.decide import Prices
from ranking.deciding.pricing import Pricing, limited_placements, price_frame, prices_by_placement
from runtime.house import shared_house

NAME = "all"  # one file per send


@task(name="price variants", cache_policy=NO_CACHE)
def price_variants(send_id: SendId) -> None:
    """Find and keep the prices, unless they are there already."""
    house = shared_house()
    basis, partition = load_basis(house, send_id), {"send_id": send_id}
    if not house.lake.exists("prices", partition, NAME):
        shards = (read_inputs(basis, shard) for shard in range(basis.send.shards))
        house.lake.write("prices", priced(basis, shards), partition=partition, name=NAME)


def priced(basis: Basis, shards: Iterable[ShardInputs]) -> pd.DataFrame:
    """The prices of everything with a limit, for the audience of these shards. InputError for a limit that no price meets."""
    pricing = Pricing(basis.content, basis.model)
    for inputs in shards:
        for own, part in halves(basis, inputs):
            recipients, sets = prepare_choices(own, part)
            keys, arm = keys_of(recipients["recipient_id"].to_numpy(dtype=object)), recipients["arm"].to_numpy(dtype=object)
            pricing.add(keys, sets, exploring=arm == Arm.EXPLORE, holdout=arm == Arm.HOLDOUT, model=own.model)
    found = pricing.found(basis.send.send_id)
    if found.unmet:
        hint = "raise the limit, give these recipients other variants to choose from, or narrow the variant's where:"
        raise InputError("; ".join(found.unmet), where=basis.content.campaign.campaign, hint=hint)
    return price_frame(found)


def prices_for(basis: Basis) -> Prices:
    """The prices of a send by placement, as they were kept; none when nothing has a limit."""
    if not limited_placements(basis.content):
        return {}
    return prices_by_placement(basis.house.lake.read("prices", {"send_id": basis.send.send_id}, name=NAME), basis.content)
