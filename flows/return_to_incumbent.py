"""Return to the incumbent: after a rollback nothing that the candidate decided is served or claimed any more.

What it had decided is decided anew, as of the same instant and by the incumbent, and published in its place; letters that are out stay
as they are, in the lake too. A send that is still handing off is paused first, and goes on with the new decisions.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

import pandas as pd
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound

from domain.rollout import Rollout
from domain.send import Send, SendStatus
from flows.compute_shard_features import CANDIDATE_FEATURES, blocks
from flows.continue_sends import RESUME
from flows.decide_shards import decide_for
from flows.load_basis import Basis, load_basis
from flows.pause_send import pause
from flows.prepare_choices import fresh_inputs, of_incumbent
from flows.price_variants import NAME, prices_for
from flows.run_stage import shard_name
from ranking.deciding.decide import Prices, published
from runtime.clock import now, sleep
from runtime.house import House
from runtime.services import prefect_answers

REPUBLISHED, REPUBLISHED_FEATURES = "republished_decisions", "republished_features"
_PATIENCE = 60  # seconds for a run to notice that its send is paused
_WHY = "its candidate {candidate} was rolled back; what is left of it is decided by the incumbent"


def return_to_incumbent(house: House, rollout: Rollout) -> bool:
    """Republish for every send of the candidate's that is live; False if one is still being worked on: then it is to be done again."""
    sends = live_sends(house, rollout)
    for send in sends:
        if send.status is SendStatus.RUNNING:
            pause(house, send.send_id, _WHY.format(candidate=rollout.candidate))
    working = [send.send_id for send in sends if not _has_stopped(house, send)]
    for send in sends:
        republish(house, send)
    for send in sends if not working else ():
        go_on(house.send(send.send_id), rollout)
    return not working


def live_sends(house: House, rollout: Rollout) -> list[Send]:
    """The sends that the candidate took part in and that are not over, or whose decisions are not stale; the earliest first."""
    ttl = timedelta(hours=house.settings.decision_ttl_hours)
    sends = [send for send in house.sends.list(rollout.campaign) if send.candidate_version == rollout.candidate]
    return [send for send in reversed(sends) if not send.is_over or send.as_of + ttl > now()]


def republish(house: House, send: Send, shards: Iterable[int] | None = None) -> int:
    """Decide by the incumbent for those whom the candidate decided for, and publish it in place of what is published; returns how many
    entries that were. What was decided anew before is published again, never decided again."""
    basis, partition = load_basis(house, send.send_id), {"send_id": send.send_id}
    wanted = [
        n for n in (range(send.shards) if shards is None else shards) if house.lake.exists(CANDIDATE_FEATURES, partition, shard_name(n))
    ]
    missing = [shard for shard in wanted if not house.lake.exists(REPUBLISHED, partition, shard_name(shard))]
    for block in blocks(missing, house.recipients.count()) if missing else ():
        _decide_anew(basis, block)
    count = 0
    for shard in wanted:
        decisions = house.lake.read(REPUBLISHED, partition, name=shard_name(shard))
        count += house.decisions.replace(published(decisions), basis.ttl, send.as_of)
    return count


def _decide_anew(basis: Basis, shards: Sequence[int]) -> None:
    own = replace(basis, candidate=None, send=replace(basis.send, candidate_version=None))
    prices, lake, partition = _prices(own), basis.house.lake, {"send_id": basis.send.send_id}
    audiences = [_decided_by_candidate(basis, shard) for shard in shards]
    for shard, inputs in zip(shards, fresh_inputs(own, audiences), strict=True):
        if inputs.features is None:
            continue
        lake.write(REPUBLISHED_FEATURES, inputs.features.to_pandas(), partition=partition, name=shard_name(shard))
        lake.write(REPUBLISHED, decide_for(own, inputs, prices).decisions, partition=partition, name=shard_name(shard))


def _decided_by_candidate(basis: Basis, shard: int) -> pd.DataFrame:
    lake, partition, name = basis.house.lake, {"send_id": basis.send.send_id}, shard_name(shard)
    theirs = lake.read(CANDIDATE_FEATURES, partition, name=name)["recipient_id"]
    audience = lake.read("audience", partition, name=name)
    return of_incumbent(audience[audience["recipient_id"].isin(theirs)])


def _prices(basis: Basis) -> Prices:
    """Those of the send; none for one that was stopped before they were found."""
    return prices_for(basis) if basis.house.lake.exists("prices", {"send_id": basis.send.send_id}, NAME) else {}


def _has_stopped(house: House, send: Send) -> bool:
    """Whether nobody works on the send any more, after some patience."""
    for _ in range(_PATIENCE):
        if not house.runs.live(send.send_id, now()):
            return True
        sleep(1.0)
    return False


def go_on(send: Send, rollout: Rollout) -> None:
    """Have a send that was paused for this resumed by a run of its own. Where there is no server or deployment a person resumes it."""
    ours = send.status is SendStatus.PAUSED and send.reason == _WHY.format(candidate=rollout.candidate)
    if ours and prefect_answers():
        key = f"return-{send.send_id}-{rollout.candidate}"
        try:
            run_deployment(RESUME, parameters={"send_id": send.send_id}, timeout=0, as_subflow=False, idempotency_key=key)
        except ObjectNotFound:
            return
