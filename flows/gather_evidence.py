"""Gather the evidence about a rollout: what came of each send in which both models decided, once its outcomes have matured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from domain.campaign import Campaign, Goal
from domain.decision import Arm
from domain.event import EventKind
from domain.hashing import BUCKETS, bucket_of
from domain.ids import RecipientId
from domain.message import MessageStatus
from domain.rollout import Look, Rollout
from domain.send import Send
from experiments.arm_outcomes import Harmed, design_effects, outcomes_of, residuals_of, strata_of
from experiments.ramp import Evidence, Metric
from experiments.statistics import sample_ratio
from experiments.strata import Stratum
from flows.pause_send import BY_ITSELF
from flows.run_stage import shard_name
from flows.time_models import slowness_in
from flows.watch_serving import served_p99_in
from runtime.house import House
from storage.setbacks import Setbacks

PRIMARY = {Goal.CLICK: Metric.CLICKS, Goal.CONVERSION: Metric.CONVERSIONS, Goal.REVENUE: Metric.REVENUE}
_ANSWERED = {MessageStatus.ACCEPTED, MessageStatus.REJECTED}
_HARMS = (EventKind.UNSUBSCRIBED, EventKind.COMPLAINED, EventKind.BOUNCED)
_FOLLOWED = 200_000  # recipients who are followed over the sends, to know how alike their outcomes are


@dataclass(frozen=True, slots=True)
class SendOutcomes:
    """What came of one send: sums by metric and arm, and the residuals of those who are followed."""

    strata: Mapping[Metric, Stratum]
    residuals: pd.DataFrame


def matured_sends(house: House, rollout: Rollout, campaign: Campaign, at: datetime) -> list[Send]:
    """The sends in which both models decided, that are over, and whose outcomes change no more; the earliest first."""
    sends = [send for send in house.sends.list(rollout.campaign) if send.candidate_version == rollout.candidate and send.rollout_share]
    return [send for send in reversed(sends) if send.is_over and matures_at(house, send, campaign) <= at]


def matures_at(house: House, send: Send, campaign: Campaign) -> datetime:
    """When the outcomes that the goal counts are in: at the end of their window, and a wait for what is late."""
    found = campaign.attribution
    days = found.click_days if campaign.goal is Goal.CLICK else max(2 * found.click_days, found.view_days or 0.0)
    return send.scheduled_at + timedelta(days=days + house.settings.labels_close_days)


def gather_evidence(house: House, rollout: Rollout, campaign: Campaign, sends: Sequence[Send], at: datetime) -> Evidence:
    """The evidence of these sends."""
    found = [outcomes_of_send(house, send) for send in sends]
    metrics = [metric for metric in Metric if all(metric in one.strata for one in found)]
    return Evidence(
        at=at,
        stage=rollout.stage or 0,
        stage_since=rollout.stage_since,
        looks=looks_taken(house, rollout, sends),
        primary=PRIMARY[campaign.goal],
        strata={metric: [one.strata[metric] for one in found] for metric in metrics},
        design_effects=design_effects([one.residuals for one in found]),
        mismatch=mismatch_in(sends, found),
        slowness=slowness_in(house, sends[-1]),
        served_p99_ms=served_p99_in(house, campaign),
    )


def looks_taken(house: House, rollout: Rollout, sends: Sequence[Send]) -> int:
    """At how many other sets of sends it was looked at this stage: the one that led to the stage says nothing new of it."""
    looks = own_looks(house, rollout)
    before = [look.sends for look in looks if look.at <= rollout.stage_since][-1:]
    here = {look.sends for look in looks if look.at > rollout.stage_since} | {tuple(send.send_id for send in sends)}
    return len(here - set(before)) - 1


def own_looks(house: House, rollout: Rollout) -> list[Look]:
    """The looks that the house took by itself, in order; not those by which people steered."""
    return [look for look in house.rollouts.looks(rollout) if look.who == BY_ITSELF]


def outcomes_of_send(house: House, send: Send) -> SendOutcomes:
    """Shard by shard; recipients are followed by bucket, so that they are the same ones in every send."""
    outcomes = house.lake.dataset("outcomes", {"send_id": send.send_id}).to_table(columns=["recipient_id", "kind", "value", "currency"])
    kept, harmed = outcomes.to_pandas(), _harmed(house, send)
    buckets = BUCKETS * min(1.0, _FOLLOWED / max(1, house.recipients.count()))
    strata, residuals = dict[Metric, Stratum](), list[pd.DataFrame]()
    for shard in sorted(house.sends.finished_shards(send.send_id, "decisions")):
        found = _of_shard(house, send, shard, kept, harmed)
        strata = {metric: sums + strata[metric] if strata else sums for metric, sums in strata_of(found).items()}
        residuals.append(residuals_of(found[[bucket_of(str(who)) < buckets for who in found["recipient_id"]]]))
    return SendOutcomes(strata, pd.concat(residuals))


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


def mismatch_in(sends: Sequence[Send], found: Sequence[SendOutcomes]) -> str | None:
    """Which send's arms are not as large as they were drawn, if any's are not."""
    for send, one in zip(sends, found, strict=True):
        drawn = one.strata[Metric.CLICKS]
        counts = {Arm.CANDIDATE: drawn.candidate.n, Arm.INCUMBENT: drawn.incumbent.n}
        ratio = sample_ratio(counts, {Arm.CANDIDATE: send.rollout_share, Arm.INCUMBENT: 1.0 - send.rollout_share})
        if ratio.is_off:
            counted = f"{drawn.candidate.n:,} beside {drawn.incumbent.n:,}"
            return f"the arms of {send.send_id} are {counted} at a share of {send.rollout_share:.0%} (p = {ratio.p_value:.2g})"
    return None
