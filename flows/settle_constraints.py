"""Settle what narrows the choices of a send before anything is drawn: what was shown before, and the prices of what is limited."""

from collections.abc import Sequence

from domain.ids import SendId
from flows.compute_shard_features import feature_tasks
from flows.look_up_exposures import look_up_exposures
from flows.price_variants import price_variants
from flows.run_stage import run_stage
from ranking.deciding.choice_sets import is_constrained
from ranking.deciding.pricing import limited_placements
from runtime.house import House


def settle_constraints(house: House, send_id: SendId, shards: Sequence[int] | None = None) -> None:
    """Look up exposures and find prices, as far as the campaign asks for either. Prices are found over all shards (`needs_all_shards`)."""
    content = house.contents.load(house.send(send_id).content_version)
    if is_constrained(content):
        run_stage(house, send_id, "exposures", look_up_exposures, tasks=feature_tasks(house, send_id, shards), shards=shards)
    if limited_placements(content):
        price_variants.submit(send_id).result()


def needs_all_shards(house: House, send_id: SendId) -> bool:
    """Whether nobody can be decided for before everybody's features are there: something is limited, and has a price."""
    return bool(limited_placements(house.contents.load(house.send(send_id).content_version)))
