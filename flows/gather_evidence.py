"""Gather the evidence about a rollout: what came of each batch in which both models decided, once its outcomes have matured."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.campaign import Campaign, Goal
from domain.decision import Arm
from domain.holding import shown_for
from domain.rollout import Look, Rollout
from experiments.arm_outcomes import design_effects
from experiments.ramp import Evidence, Metric
from experiments.statistics import sample_ratio
from flows.find_batches import Batch, latest_served, served_batches
from flows.pause_send import BY_ITSELF
from flows.sum_up_batch import BatchOutcomes, sum_up_batch
from flows.time_models import slowness_in
from flows.watch_serving import served_p99_in
from runtime.house import House

PRIMARY = {Goal.CLICK: Metric.CLICKS, Goal.CONVERSION: Metric.CONVERSIONS, Goal.REVENUE: Metric.REVENUE}


def matured_batches(house: House, rollout: Rollout, campaign: Campaign, at: datetime) -> list[Batch]:
    """The batches in which both models decided, that are over, and whose outcomes change no more; the earliest first."""
    served = [batch for batch in served_batches(house, rollout) if all(send.is_over for send in batch.sends)]
    return [batch for batch in served if matures_at(house, batch, campaign) <= at]


def matures_at(house: House, batch: Batch, campaign: Campaign) -> datetime:
    """When the outcomes that the goal counts are in: at the end of their window, which begins when pages can no longer show what was
    decided, and a wait for what is late."""
    found = campaign.attribution
    days = found.click_days if campaign.goal is Goal.CLICK else max(2 * found.click_days, found.view_days or 0.0)
    return batch.ends_at + shown_for(campaign) + timedelta(days=days + house.settings.labels_close_days)


def gather_evidence(house: House, rollout: Rollout, campaign: Campaign, batches: Sequence[Batch], at: datetime) -> Evidence:
    """The evidence of these batches."""
    found = [sum_up_batch(house, batch) for batch in batches]
    metrics = [metric for metric in Metric if all(metric in one.strata for one in found)]
    return Evidence(
        at=at,
        stage=rollout.stage or 0,
        stage_since=rollout.stage_since,
        looks=looks_taken(house, rollout, batches),
        primary=PRIMARY[campaign.goal],
        strata={metric: [one.strata[metric] for one in found] for metric in metrics},
        design_effects=design_effects([one.residuals for one in found]),
        mismatch=mismatch_in(batches, found),
        slowness=slowness_in(house, latest_served(house, rollout)),
        served_p99_ms=served_p99_in(house, campaign),
    )


def looks_taken(house: House, rollout: Rollout, batches: Sequence[Batch]) -> int:
    """At how many other sets of batches it was looked at this stage: the one that led to the stage says nothing new of it."""
    looks = own_looks(house, rollout)
    before = [look.sends for look in looks if look.at <= rollout.stage_since][-1:]
    here = {look.sends for look in looks if look.at > rollout.stage_since} | {tuple(batch.batch_id for batch in batches)}
    return len(here - set(before)) - 1


def own_looks(house: House, rollout: Rollout) -> list[Look]:
    """The looks that the house took by itself, in order; not those by which people steered."""
    return [look for look in house.rollouts.looks(rollout) if look.who == BY_ITSELF]


def mismatch_in(batches: Sequence[Batch], found: Sequence[BatchOutcomes]) -> str | None:
    """Which batch's arms are not as large as they were drawn, if any's are not."""
    for batch, one in zip(batches, found, strict=True):
        drawn = one.strata[Metric.CLICKS]
        counts = {Arm.CANDIDATE: drawn.candidate.n, Arm.INCUMBENT: drawn.incumbent.n}
        ratio = sample_ratio(counts, {Arm.CANDIDATE: batch.share, Arm.INCUMBENT: 1.0 - batch.share})
        if ratio.is_off:
            counted = f"{drawn.candidate.n:,} beside {drawn.incumbent.n:,}"
            return f"the arms of {batch.batch_id} are {counted} at a share of {batch.share:.0%} (p = {ratio.p_value:.2g})"
    return None
