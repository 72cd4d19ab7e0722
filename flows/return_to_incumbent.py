"""Return to the incumbent: after a rollback nothing that the candidate decided is served or claimed any more.

What it had decided is decided anew, as of the same instant and by the incumbent, and published in its place; letters that are out stay
as they are, in the lake too. A send that is still handing off is paused first, and goes on with the new decisions.

A refresh that is not over is ended: the next one, an hour later, decides by the incumbent alone, and until then everybody has either what
it published or what they had before. Of pages a day or two of refreshes still hold, of which each recipient is shown the latest, so only
in that one it is decided for them anew; under ids of their own, because what people saw of the candidate's is logged under the others.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound

from domain.audit import AuditEntry, Deed
from domain.campaign import Surface
from domain.hashing import Keys, keys_of
from domain.holding import held_for
from domain.ids import INSTEAD, session_send_id_of
from domain.rollout import Rollout
from domain.send import Send, SendStatus
from flows.compute_shard_features import CANDIDATE_FEATURES, blocks
from flows.continue_sends import RESUME
from flows.decide_shards import decide_for
from flows.load_basis import Basis, load_basis
from flows.pause_send import BY_ITSELF, pause
from flows.prepare_choices import fresh_inputs, of_incumbent
from flows.price_variants import NAME, prices_for
from flows.run_stage import shard_name
from ranking.deciding.decide import Prices, published
from runtime.clock import now, sleep
from runtime.house import House
from runtime.services import prefect_answers

REPUBLISHED, REPUBLISHED_FEATURES = "republished_decisions", "republished_features"
_NOBODY = keys_of(())
_NOT_OVER = {SendStatus.PLANNED, SendStatus.RUNNING, SendStatus.PAUSED}
_NOTICED = 15  # seconds until whoever decides within sessions has noticed (letterpress/reacting.py looks every five)
_PATIENCE = 60  # seconds for a run to notice that its send is paused
_WHY = "its candidate {candidate} was rolled back; what is left of it is decided by the incumbent"


def return_to_incumbent(house: House, rollout: Rollout) -> bool:
    """Republish for every send of the candidate's that is live; False if one is still being worked on: then it is to be done again."""
    sends = live_sends(house, rollout)
    for send in sends:
        _stop(house, send, _WHY.format(candidate=rollout.candidate))
    working = [send.send_id for send in sends if not _has_stopped(house, send)]
    for send in sends:
        if send.surface is Surface.MAIL:
            republish(house, send)
    _republish_pages(house, [send for send in sends if send.surface is Surface.WEB])
    for send in sends if not working else ():
        go_on(house.send(send.send_id), rollout)
    return not working


def live_sends(house: House, rollout: Rollout) -> list[Send]:
    """The sends that the candidate took part in and that are not over, or whose decisions are not stale; the earliest first."""
    sends = [send for send in house.sends.list(rollout.campaign, surface=None) if send.candidate_version == rollout.candidate]
    campaigns = {version: house.contents.load(version).campaign for version in {send.content_version for send in sends}}
    kept = timedelta(hours=house.settings.decision_ttl_hours)
    return [one for one in reversed(sends) if not one.is_over or one.as_of + held_for(campaigns[one.content_version], kept) > now()]


def _stop(house: House, send: Send, why: str) -> None:
    """Pause a send; end a refresh."""
    if send.surface is Surface.MAIL:
        pause(house, send.send_id, why)
    elif house.sends.set_status(send.send_id, SendStatus.CANCELLED, why, now(), expected=_NOT_OVER):
        house.audit.add(AuditEntry(now(), BY_ITSELF, Deed.CANCELLED, send.send_id, why))


def _republish_pages(house: House, refreshes: Sequence[Send]) -> None:
    """Of each refresh for those whom no later one has published anything for: the latest first."""
    if refreshes:
        sleep(_NOTICED)
    later = _NOBODY
    for send in reversed(refreshes):
        republish(house, send, but=later)
        later = np.union1d(later, _published_by(house, send))


def _published_by(house: House, send: Send) -> Keys:
    """The keys of those whom a refresh has decided for, by either model, and published it."""
    done = {f"/{shard_name(shard)}.parquet" for shard in house.sends.finished_shards(send.send_id, "decisions")}
    files = [path for path in house.lake.files("audience", {"send_id": send.send_id}) if path.endswith(tuple(done))]
    columns = (house.lake.read_column(path, "recipient_id") for path in files)
    return np.concatenate([_NOBODY, *(keys_of(map(str, column.to_pylist())) for column in columns if column is not None)])


def republish(house: House, send: Send, shards: Iterable[int] | None = None, *, but: Keys = _NOBODY) -> int:
    """Decide by the incumbent for those whom the candidate decided for, and publish it in place of what is published; returns how many
    entries that were. What was decided anew before is published again, never decided again. `but`: keys of those whom a later refresh
    has published something for."""
    basis, partition = load_basis(house, send.send_id), {"send_id": send.send_id}
    wanted = [
        n for n in (range(send.shards) if shards is None else shards) if house.lake.exists(CANDIDATE_FEATURES, partition, shard_name(n))
    ]
    missing = [shard for shard in wanted if not house.lake.exists(REPUBLISHED, partition, shard_name(shard))]
    for block in blocks(missing, house.recipients.count()) if missing else ():
        _decide_anew(basis, block, but)
    count = 0
    for shard in (one for one in wanted if house.lake.exists(REPUBLISHED, partition, shard_name(one))):
        decisions = house.lake.read(REPUBLISHED, partition, name=shard_name(shard))
        count += house.decisions.replace(published(decisions), basis.ttl, send.as_of)
    return count


def _decide_anew(basis: Basis, shards: Sequence[int], but: Keys) -> None:
    prices, lake, partition = _prices(basis), basis.house.lake, {"send_id": basis.send.send_id}
    audiences = {shard: who for shard in shards if len(who := _decided_by_candidate(basis, shard, but))}
    named = session_send_id_of(basis.send.send_id, INSTEAD) if basis.send.surface is Surface.WEB else basis.send.send_id
    own = replace(basis, candidate=None, send=replace(basis.send, candidate_version=None, send_id=named))
    for shard, inputs in zip(audiences, fresh_inputs(own, list(audiences.values())), strict=True):
        if inputs.features is None:
            continue
        lake.write(REPUBLISHED_FEATURES, inputs.features.to_pandas(), partition=partition, name=shard_name(shard))
        lake.write(REPUBLISHED, decide_for(own, inputs, prices).decisions, partition=partition, name=shard_name(shard))


def _decided_by_candidate(basis: Basis, shard: int, but: Keys) -> pd.DataFrame:
    lake, partition, name = basis.house.lake, {"send_id": basis.send.send_id}, shard_name(shard)
    theirs = lake.read(CANDIDATE_FEATURES, partition, name=name)["recipient_id"]
    theirs = theirs[~np.isin(keys_of(theirs), but)] if len(but) else theirs
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
