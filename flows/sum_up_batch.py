"""Sum up a batch: what came of it, per metric and arm, and the residuals of those who are followed over batches."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from domain.event import EventKind
from domain.hashing import BUCKETS, bucket_of
from domain.ids import RecipientId
from domain.message import MessageStatus
from domain.send import Send
from experiments.arm_outcomes import Harmed, outcomes_of, residuals_of, strata_of
from experiments.ramp import Metric
from experiments.strata import Stratum
from flows.find_batches import Batch
from flows.run_stage import shard_name
from flows.seen_days import SeenDay
from runtime.house import House
from storage.setbacks import Setbacks

_ANSWERED = {MessageStatus.ACCEPTED, MessageStatus.REJECTED}
_HARMS = (EventKind.UNSUBSCRIBED, EventKind.COMPLAINED, EventKind.BOUNCED)
_OUTCOMES = ["recipient_id", "kind", "value", "currency"]
_FOLLOWED = 200_000  # recipients who are followed over the batches, to know how alike their outcomes are


@dataclass(frozen=True, slots=True)
class BatchOutcomes:
    """What came of one batch: sums by metric and arm, and the residuals of those who are followed."""

    strata: Mapping[Metric, Stratum]
    residuals: pd.DataFrame


def sum_up_batch(house: House, batch: Batch) -> BatchOutcomes:
    """Of a letter shard by shard; recipients are followed by bucket, so that they are the same ones in every batch."""
    followed = BUCKETS * min(1.0, _FOLLOWED / max(1, house.recipients.count()))
    if batch.day:
        return _of_day(batch.day, followed)
    [send] = batch.sends
    kept = house.lake.dataset("outcomes", {"send_id": send.send_id}).to_table(columns=_OUTCOMES).to_pandas()
    strata, residuals, harmed = dict[Metric, Stratum](), list[pd.DataFrame](), _harmed(house, send)
    for shard in sorted(house.sends.finished_shards(send.send_id, "decisions")):
        found = _of_shard(house, send, shard, kept, harmed)
        strata = {metric: sums + strata[metric] if strata else sums for metric, sums in strata_of(found).items()}
        residuals.append(_residuals(found, followed))
    return BatchOutcomes(strata, pd.concat(residuals))


def _of_day(day: SeenDay, followed: float) -> BatchOutcomes:
    """Everybody who saw something, in the arm of what they saw first that day: who explores is drawn anew by every refresh. What they
    did with anything they saw that day counts for that arm, and the mix is that of all they saw."""
    decisions = day.decisions.to_table(columns=["recipient_id", "category"]).to_pandas()
    outcomes = day.outcomes.to_table(columns=_OUTCOMES).to_pandas()
    found = outcomes_of(day.drawn().to_pandas(), outcomes, None, decisions)
    return BatchOutcomes(strata_of(found), _residuals(found, followed))


def _residuals(found: pd.DataFrame, followed: float) -> pd.DataFrame:
    """Of those whose bucket is below `followed`."""
    return residuals_of(found[[bucket_of(str(who)) < followed for who in found["recipient_id"]]])


def _harmed(house: House, send: Send) -> Harmed:
    """Who left, complained, or did not get their letter."""
    told = Setbacks(house.database).of([send.send_id]).to_pandas()
    who = {kind: frozenset(told.loc[told["kind"] == kind.value, "recipient_id"]) for kind in _HARMS}
    return Harmed(*(who[kind] for kind in _HARMS))


def _of_shard(house: House, send: Send, shard: int, outcomes: pd.DataFrame, harmed: Harmed) -> pd.DataFrame:
    partition, name = {"send_id": send.send_id}, shard_name(shard)
    audience = house.lake.read("audience", partition, name=name)
    stand = house.ledger.statuses(send.send_id, map(RecipientId, audience["recipient_id"]))
    reached = audience[audience["recipient_id"].isin([who for who, status in stand.items() if status in _ANSWERED])]
    return outcomes_of(reached, outcomes, harmed, house.lake.read("decisions", partition, name=name))
