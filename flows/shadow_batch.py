"""Let a candidate decide in the shadow of a batch, for a share of its recipients: kept in the lake, published nowhere, shown to nobody.

It is done when the batch is over, from what was frozen: audience, exposures, content, and history as it was known at the send's opening.
What the candidate would have decided follows from these, so nothing of it can hold up a letter or a page.

Of pages it decides beside one refresh a day, the first: what is known then tells nothing of that day, so that its scores may be held
against all that people are known to have seen of that day's refreshes, whichever had decided it.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from domain.decision import Arm
from domain.hashing import keys_of, uniforms
from domain.rollout import Rollout
from domain.send import Send
from flows.compute_shard_features import blocks
from flows.find_batches import Batch
from flows.run_stage import shard_name
from flows.time_models import Timed, both_models, timed
from ranking.deciding.choice_sets import ChoiceSet, ChoiceSets
from runtime.clock import now
from runtime.house import House

DECISIONS, SCORES = "shadow_decisions", "shadow_scores"
_SHOWN = ["decision_id", "recipient_id", "placement", "position", "variant"]


def shadow_batch(house: House, rollout: Rollout, batch: Batch, share: float) -> bool:
    """Decide for each shard that is not decided yet; repeating changes nothing. False where what it would rest on has expired."""
    send = batch.first
    decided, done = (house.sends.finished_shards(send.send_id, stage) for stage in ("decisions", stage_of(rollout)))
    missing = [shard for shard in decided if shard not in done]
    if missing and not house.lake.exists("audience", {"send_id": send.send_id}):
        return False
    for block in blocks(missing, int(house.recipients.count() * share)) if missing else ():
        _shadow_shards(house, rollout, batch, [(shard, _in_shadow(house, send, shard, share)) for shard in block])
    return True


def stage_of(rollout: Rollout) -> str:
    """Under which a shard's shadow is recorded, with recipients and microseconds by model."""
    return f"shadow-{rollout.candidate}"


def partition_of(rollout: Rollout, send: Send) -> dict[str, str]:
    """Where in the lake a candidate's shadow of a send is."""
    return {"send_id": send.send_id, "candidate": rollout.candidate}


def _in_shadow(house: House, send: Send, shard: int, share: float) -> pd.DataFrame:
    """Those whom the incumbent decided for, the share of them that a hash draws anew for each send."""
    audience = house.lake.read("audience", {"send_id": send.send_id}, name=shard_name(shard))
    modelled = audience[audience["exclusion"].isna() & (audience["arm"] == Arm.INCUMBENT.value)]
    return modelled[uniforms(keys_of(modelled["recipient_id"]), f"shadow:{send.send_id}") < share]


def _shadow_shards(house: House, rollout: Rollout, batch: Batch, shards: Sequence[tuple[int, pd.DataFrame]]) -> None:
    """The candidate's decisions, the scores of what was shown, and how long both models took."""
    send, partition = batch.first, partition_of(rollout, batch.first)
    incumbent, candidate = (timed(basis, [audience for _, audience in shards]) for basis in both_models(house, send, rollout.candidate))
    every = max(1, sum(len(audience) for _, audience in shards))
    for at, (shard, audience) in enumerate(shards):
        shown = incumbent.decisions[at] if batch.day is None else _seen_by(batch.day.decisions, audience)
        scores = _scores(shown, incumbent.prepared[at], candidate.prepared[at])
        house.lake.write(DECISIONS, candidate.decisions[at].assign(arm=Arm.CANDIDATE.value), partition=partition, name=shard_name(shard))
        house.lake.write(SCORES, scores, partition=partition, name=shard_name(shard))
        timing = _timing({"incumbent": incumbent, "candidate": candidate}, len(audience), every)
        house.sends.finish_shard(send.send_id, shard, stage_of(rollout), timing, now())


def _timing(spent: dict[str, Timed], own: int, every: int) -> dict[str, int]:
    return {"recipients": own, **{f"{role}.microseconds": round(one.seconds * 1e6 * own / every) for role, one in spent.items()}}


def _seen_by(decisions: ds.Dataset, audience: pd.DataFrame) -> pd.DataFrame:
    theirs = ds.field("recipient_id").isin(pa.array(audience["recipient_id"], pa.string()))
    return decisions.to_table(columns=_SHOWN, filter=theirs).to_pandas()


_Prepared = tuple[pd.DataFrame, ChoiceSets]


def _scores(shown: pd.DataFrame, incumbent: _Prepared, candidate: _Prepared) -> pd.DataFrame:
    """What was shown, with the incumbent's score of it (`score`) and the candidate's (`candidate_score`); what is no longer a variant of
    the placement is left out."""
    parts = []
    for one, other in zip(incumbent[1].placements, candidate[1].placements, strict=True):
        own = shown[shown["placement"] == one.placement.placement]
        scored = own.assign(score=_rates(own, incumbent[0], one), candidate_score=_rates(own, candidate[0], other))
        parts.append(scored[scored["score"].notna()])
    columns = ["decision_id", "recipient_id", "placement", "position", "score", "candidate_score"]
    return pd.concat(parts, ignore_index=True)[columns]


def _rates(shown: pd.DataFrame, recipients: pd.DataFrame, one: ChoiceSet) -> npt.NDArray[np.float32]:
    """A model's rate of what stands in each row, float32[n]; missing where the variant is none of its candidates."""
    row = pd.Index(recipients["recipient_id"]).get_indexer(pd.Index(shown["recipient_id"]))
    column = pd.Index([str(v.variant) for v in one.candidates.variants]).get_indexer(pd.Index(shown["variant"]))
    found: npt.NDArray[np.float32] = np.where((row >= 0) & (column >= 0), np.exp(one.log_rates[row, column]), np.nan).astype(np.float32)
    return found
