"""Look at a rollout that is being served: rule on what matured batches tell of it, and take the step that follows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from delivery.notices import rollout_notice
from domain.campaign import Campaign, Ramp
from domain.ids import SendId
from domain.rollout import Look, Rollout, RolloutState, Verdict
from experiments.ramp import NO_VERDICT, Rules, Ruling, Seen, rule, watch
from experiments.statistics import Interval
from flows.find_batches import Batch, people_in_a_batch
from flows.gather_evidence import gather_evidence, matured_batches, own_looks
from flows.step_rollout import advanced, step
from flows.tell import tell_of_rollout
from runtime.house import House


def look_at_rollout(house: House, rollout: Rollout, campaign: Campaign, at: datetime) -> Look | None:
    """One look, with the step it led to. None where there is nothing new to see: no other batch has matured, no time has run out."""
    batches, rules = matured_batches(house, rollout, campaign, at), rules_of(house, rollout, campaign)
    if not _something_new(house, rollout, batches, at, rules):
        return None
    ruling = _ruled(house, rollout, campaign, batches, at)
    look = replace(look_of(rollout, at, ruling.verdict, ruling.reasons, batches), figures=figures_of(ruling.seen))
    if look.verdict is Verdict.ROLL_BACK:
        return _taken(house, rollout, replace(rollout, state=RolloutState.ROLLED_BACK, reason="; ".join(look.reasons)), look)
    if look.verdict is Verdict.ADVANCE and rollout.state is not RolloutState.HELD:
        return _taken(house, rollout, advanced(rollout, at), look)
    held = look if look.verdict is Verdict.HOLD else replace(look, verdict=Verdict.HOLD, reasons=(f"held: {rollout.reason}", *look.reasons))
    if not house.rollouts.record(held):
        return None
    if any(reason.startswith(NO_VERDICT) for reason in held.reasons):  # it would stand like this for good: somebody has to find out why
        tell_of_rollout(house, campaign, rollout_notice(rollout, held))
    return held


def overtaken(house: House, rollout: Rollout, at: datetime) -> Look | None:
    """End a rollout whose incumbent was replaced by hand: by the candidate, which has taken over then, or by another model, to which
    nobody has compared it. None where the incumbent still decides."""
    decides = house.models.incumbent(rollout.campaign)
    if decides == rollout.incumbent:
        return None
    promoted = decides == rollout.candidate
    state = RolloutState.PROMOTED if promoted else RolloutState.ROLLED_BACK
    why = "it was made the incumbent by hand" if promoted else f"{decides} decides in place of the incumbent it was compared with"
    look = look_of(rollout, at, Verdict.ADVANCE if promoted else Verdict.ROLL_BACK, (why,))
    return _taken(house, rollout, replace(rollout, state=state, stage_since=at, reason=why), look)


def rules_of(house: House, rollout: Rollout, campaign: Campaign) -> Rules:
    """The rules as the campaign says them now; stages and control are as they were when the rollout began."""
    ramp = campaign.rollout or Ramp()
    return Rules(
        planned=float(people_in_a_batch(house, rollout) * ramp.planned_sends),
        stages=rollout.stages,
        stage_time=timedelta(days=ramp.stage_days),
        looks=ramp.looks,
        margin=ramp.margin,
        diversity_loss=ramp.diversity_loss,
        slowdown=ramp.slowdown,
        serving_p99_ms=ramp.serving_p99_ms,
        watch_time=timedelta(hours=ramp.watch_hours),
    )


def look_of(rollout: Rollout, at: datetime, verdict: Verdict, reasons: tuple[str, ...], batches: Sequence[Batch] = ()) -> Look:
    """A look at the rollout as it stands, by itself."""
    ids: tuple[SendId, ...] = tuple(batch.batch_id for batch in batches)
    return Look(rollout.campaign, rollout.candidate, at, verdict, reasons, state=rollout.state, stage=rollout.stage, sends=ids)


def figures_of(seen: Sequence[Seen]) -> Mapping[str, Mapping[str, float | str]]:
    """What was seen, by metric, for the record: candidate minus incumbent per recipient."""
    return {one.metric.value: _figures(one) for one in seen}


def _figures(one: Seen) -> dict[str, float | str]:
    found: dict[str, float | str] = {
        "incumbent": one.found.reference,
        "difference": one.found.estimate,
        "smaller_arm": one.found.smaller_arm,
    }
    if isinstance(one.interval, Interval):
        return found | {"low": one.interval.low, "high": one.interval.high}
    return found | {"too_little": "; ".join(one.interval.missing)}


def _something_new(house: House, rollout: Rollout, batches: Sequence[Batch], at: datetime, rules: Rules) -> bool:
    """Whether another batch has matured since the last look, or the stage's time has run out since."""
    looks = own_looks(house, rollout)
    if not batches or not looks:
        return bool(batches)
    ends = rollout.stage_since + (rules.watch_time if rollout.is_last_stage else rules.stage_time)
    return looks[-1].sends != tuple(batch.batch_id for batch in batches) or looks[-1].at < ends <= at


def _ruled(house: House, rollout: Rollout, campaign: Campaign, batches: Sequence[Batch], at: datetime) -> Ruling:
    evidence, rules = gather_evidence(house, rollout, campaign, batches, at), rules_of(house, rollout, campaign)
    if not rollout.is_last_stage:
        return rule(evidence, rules)
    return watch(evidence, rules, sum(batch.first.as_of >= rollout.stage_since for batch in batches))


def _taken(house: House, before: Rollout, after: Rollout, look: Look) -> Look | None:
    return look if step(house, before, after, look) else None
