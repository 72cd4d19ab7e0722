"""Look at a candidate in the shadow: let it decide beside batches that are over, and report once their clicks have had some time."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from audience.eligibility import eligible_variants
from domain.campaign import Campaign, Ramp
from domain.event import OutcomeKind
from domain.rollout import Look, Rollout, RolloutState, Verdict
from domain.send import Send
from experiments.shadow import Beside, Limits, ShadowReport, ValueGap, agreement_of, diversity_of, rank_correlation, shares_of
from flows.find_batches import Batch, shadowed_batches
from flows.gather_evidence import own_looks
from flows.load_basis import decisions_of
from flows.load_history import load_history
from flows.load_model import load_model
from flows.look_at_rollout import look_of
from flows.shadow_batch import DECISIONS, SCORES, partition_of, shadow_batch, stage_of
from flows.step_rollout import advanced, step
from flows.train_model import admitted
from ranking.deciding.choice_sets import temperature_of
from ranking.evaluation.contenders import Contender
from ranking.evaluation.evaluate import EvaluationRequest, evaluate
from ranking.model import RankingModel
from ranking.policies.judging import INCUMBENT, MODEL, tempered
from ranking.too_little import TooLittleData
from runtime.house import House


def look_at_shadow(house: House, rollout: Rollout, campaign: Campaign, at: datetime) -> Look | None:
    """Decide in the shadow of every new batch; a look when enough of them have had their time. None where there is nothing new to see."""
    ramp = campaign.rollout or Ramp()
    batches = shadowed_batches(house, rollout, at)
    shadowed = [batch for batch in batches if shadow_batch(house, rollout, batch, ramp.shadow_share)]
    ripe = [batch for batch in shadowed if batch.ends_at + timedelta(hours=ramp.shadow_hours) <= at]
    seen = [look.sends for look in own_looks(house, rollout)]
    if len(ripe) < ramp.shadow_sends or tuple(batch.batch_id for batch in ripe) in seen:
        return None
    report = report_of(house, rollout, campaign, ripe, at)
    against = report.objections(Limits(ramp.diversity_loss, ramp.slowdown))
    held = (f"held: {rollout.reason}",) if rollout.state is RolloutState.HELD else ()
    verdict = Verdict.HOLD if against or held else Verdict.ADVANCE
    look = look_of(rollout, at, verdict, (*held, *against) or ("nothing in the shadow speaks against it",), ripe)
    look = replace(look, figures=figures_of(report))
    if verdict is Verdict.ADVANCE:
        return look if step(house, rollout, advanced(rollout, at), look) else None
    return look if house.rollouts.record(look) else None


def report_of(house: House, rollout: Rollout, campaign: Campaign, batches: Sequence[Batch], at: datetime) -> ShadowReport:
    """The report of a candidate over some batches."""
    kept = [_kept(house, rollout, batch) for batch in batches]
    candidate, incumbent, scores = (pd.concat(parts, ignore_index=True) for parts in zip(*kept, strict=True))
    timed = [counts for one in batches for counts in house.sends.finished_shards(one.first.send_id, stage_of(rollout)).values()]
    recipients = sum(counts["recipients"] for counts in timed)
    spent = {role: sum(counts[f"{role}.microseconds"] for counts in timed) / max(1, recipients) for role in ("candidate", "incumbent")}
    return ShadowReport(
        sends=len(batches),
        recipients=recipients,
        clicks=int(scores.loc[scores["clicked"], "recipient_id"].nunique()),
        value=value_of(house, rollout, campaign, batches[-1].first, at),
        agreement=agreement_of(candidate, incumbent),
        correlation=Beside(rank_correlation(scores, "candidate_score"), rank_correlation(scores, "score")),
        shares=shares_of(candidate, incumbent),
        diversity=diversity_of(candidate, incumbent),
        microseconds=Beside(spent["candidate"], spent["incumbent"]),
    )


def _kept(house: House, rollout: Rollout, batch: Batch) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Of one batch, for those in the shadow: what the candidate would have decided, what was, and scores of what was shown with clicks."""
    partition, own = partition_of(rollout, batch.first), {"send_id": batch.first.send_id}
    candidate, scores = house.lake.read(DECISIONS, partition), house.lake.read(SCORES, partition)
    theirs = ds.field("recipient_id").isin(pa.array(candidate["recipient_id"].unique(), pa.string()))
    decided = house.lake.dataset(decisions_of(batch.first), own).to_table(filter=theirs).to_pandas()
    came = batch.day.outcomes if batch.day else house.lake.dataset("outcomes", own)
    outcomes = came.to_table(filter=theirs).to_pandas()
    clicked = outcomes.loc[outcomes["kind"] == OutcomeKind.CLICK.value, "decision_id"]
    return candidate, decided, scores.assign(clicked=scores["decision_id"].isin(clicked))


def value_of(house: House, rollout: Rollout, campaign: Campaign, send: Send, at: datetime) -> ValueGap:
    """What the candidate's policy would earn beside the incumbent's on letters that neither has learned from."""
    model, other = (load_model(house, version) for version in (rollout.candidate, rollout.incumbent))
    recipients, content = house.recipients.load_expanded(), house.contents.load(send.content_version)
    eligible = eligible_variants(content, recipients, house.recipients.attributes(), at)
    request = EvaluationRequest(
        at,
        goal=campaign.goal,
        placements=tuple(one.placement for one in content.campaign.placements),
        temperature=temperature_of(campaign.policy, model),
        trained_on=_trained_on(house, model, at),
        eligible={
            placement: pd.DataFrame(admits, index=pd.Index(recipients["recipient_id"]), columns=[v.variant for v in content.of(placement)])
            for placement, admits in eligible.items()
        },
    )
    against = Contender(INCUMBENT, other, _trained_on(house, other, at)) if other else None
    found = evaluate(load_history(house), recipients, model, request, incumbent=against)
    if isinstance(found, TooLittleData):
        return ValueGap("cannot tell", str(found))
    wanted = (tempered(MODEL), tempered(INCUMBENT))
    one = next(comparison for comparison in found.total.comparisons if comparison.roles == wanted)
    return ValueGap(one.verdict.value, one.sentence, one.difference.low, one.difference.high)


def _trained_on(house: House, model: RankingModel | None, at: datetime) -> Collection[str] | None:
    """The recipients whose decisions a model may have seen; None for all."""
    where = model.card.where if model else None
    return frozenset(admitted(house, where, at)["recipient_id"]) if where else None


def figures_of(report: ShadowReport) -> Mapping[str, Mapping[str, float | str]]:
    """The report for the record and the page. What is not a number is left out."""
    value = {"low": report.value.low, "high": report.value.high, "verdict": report.value.verdict, "said": report.value.sentence}
    pairs = {"correlation": report.correlation, "diversity": report.diversity, "microseconds per recipient": report.microseconds}
    sections: dict[str, Mapping[str, float | str | None]] = {
        "size": {"sends": report.sends, "recipients": report.recipients, "clicks": report.clicks},
        "value": value,
        "agreement": report.agreement,
        **{name: _pair(pair) for name, pair in pairs.items()},
        **{f"share of {name}": _pair(pair) for name, pair in report.shares.items()},
    }
    return {name: {key: kept for key, kept in found.items() if _is_known(kept)} for name, found in sections.items()}  # type: ignore[misc]


def _pair(pair: Beside) -> dict[str, float | str | None]:
    return {"candidate": pair.candidate, "incumbent": pair.incumbent}


def _is_known(value: float | str | None) -> bool:
    return value is not None and (isinstance(value, str) or not math.isnan(value))
