"""Decide tier by tier, the most recently active first, until the refresh's time is up: what is published by then stays."""

from datetime import datetime, timedelta

from domain.ids import SendId
from flows.compute_shard_features import compute_shard_features, feature_tasks
from flows.decide_shards import decide_shards
from flows.run_stage import TASKS_PER_STAGE, run_stage
from flows.settle_constraints import needs_all_shards, settle_constraints
from runtime.clock import now
from runtime.house import House


def decide_tiers(house: House, send_id: SendId, began_at: datetime) -> None:
    """Features and decisions of each tier, while there is time. `began_at`: when the run did; one that is resumed has it all again."""
    send = house.send(send_id)
    minutes = house.contents.load(send.content_version).campaign.refresh.minutes
    until = began_at + timedelta(minutes=minutes) if minutes else None
    tiers = 1 if needs_all_shards(house, send_id) else send.tiers
    for tier in range(tiers):
        if until and now() >= until:
            return
        shards = range(tier * send.shards // tiers, (tier + 1) * send.shards // tiers)
        if send.model_version:
            run_stage(house, send_id, "features", compute_shard_features, tasks=feature_tasks(house, send_id, shards), shards=shards)
        settle_constraints(house, send_id, shards)
        stop = {"until": until.isoformat()} if until else {}
        run_stage(house, send_id, "decisions", decide_shards, tasks=TASKS_PER_STAGE // tiers, shards=shards, **stop)
