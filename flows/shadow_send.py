"""Let a candidate decide in the shadow of a send, for a share of its recipients: kept in the lake, published nowhere, shown to nobody.

It is done when the send is over, from what was frozen: audience, exposures, content, and history as it was known at the send's opening.
What the candidate would have decided follows from these, so nothing of it can hold up a letter.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from domain.decision import Arm
from domain.hashing import keys_of, uniforms
from domain.rollout import Rollout
from domain.send import Send
from flows.compute_shard_features import blocks
from flows.load_basis import Basis
from flows.run_stage import shard_name
from flows.time_models import both_models, timed
from ranking.deciding.choice_sets import ChoiceSets
from runtime.clock import now
from runtime.house import House

DECISIONS, SCORES = "shadow_decisions", "shadow_scores"


def shadow_send(house: House, rollout: Rollout, send: Send, share: float) -> None:
    """Decide for each shard that is not decided yet. Repeating changes nothing."""
    done = house.sends.finished_shards(send.send_id, stage_of(rollout))
    if not (missing := [shard for shard in range(send.shards) if shard not in done]):
        return
    bases, partition = both_models(house, send, rollout.candidate), partition_of(rollout, send)
    for block in blocks(missing, int(house.recipients.count() * share)):
        audiences = [_in_shadow(house, send, shard, share) for shard in block]
        for shard, (decisions, scores, timing) in zip(block, _decided(bases, audiences), strict=True):
            house.lake.write(DECISIONS, decisions, partition=partition, name=shard_name(shard))
            house.lake.write(SCORES, scores, partition=partition, name=shard_name(shard))
            house.sends.finish_shard(send.send_id, shard, stage_of(rollout), timing, now())


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


def _decided(bases: tuple[Basis, Basis], audiences: Sequence[pd.DataFrame]) -> Iterator[tuple[pd.DataFrame, pd.DataFrame, dict[str, int]]]:
    """Per audience the candidate's decisions, its scores of what was shown, and how long both models took."""
    incumbent, candidate = (timed(basis, audiences) for basis in bases)
    every = max(1, sum(map(len, audiences)))
    for at, audience in enumerate(audiences):
        took = {
            role: round(one.seconds * 1e6 * len(audience) / every) for role, one in (("incumbent", incumbent), ("candidate", candidate))
        }
        timing = {"recipients": len(audience), **{f"{role}.microseconds": spent for role, spent in took.items()}}
        scores = _scores(incumbent.decisions[at], *candidate.prepared[at])
        yield candidate.decisions[at].assign(arm=Arm.CANDIDATE.value), scores, timing


def _scores(shown: pd.DataFrame, recipients: pd.DataFrame, sets: ChoiceSets) -> pd.DataFrame:
    """What was shown, with the incumbent's score of it (`score`) and the candidate's (`candidate_score`)."""
    parts = []
    for one in sets.placements:
        own = shown[shown["placement"] == one.placement.placement]
        row = pd.Index(recipients["recipient_id"]).get_indexer(pd.Index(own["recipient_id"]))
        column = pd.Index([str(v.variant) for v in one.candidates.variants]).get_indexer(pd.Index(own["variant"]))
        parts.append(own.assign(candidate_score=np.exp(one.log_rates[row, column])))
    columns = ["decision_id", "recipient_id", "placement", "position", "score", "candidate_score"]
    return pd.concat(parts, ignore_index=True)[columns]
