"""Fall back: when a send is taken up after its candidate was rolled back, letters that are not out yet become the incumbent's."""

from collections.abc import Collection

import pandas as pd

from domain.ids import RecipientId, SendId
from domain.send import Send
from flows.compute_shard_features import CANDIDATE_FEATURES
from flows.hand_off_due import is_pending
from flows.return_to_incumbent import REPUBLISHED, REPUBLISHED_FEATURES, republish
from flows.run_stage import shard_name
from flows.split_by_model import has_gone_back
from ranking.deciding.decide import count_variants
from runtime.clock import now
from runtime.house import House


def fall_back(house: House, send_id: SendId) -> None:
    """Nothing to do unless the send's candidate was rolled back. Nobody else may be at work on the send. Repeating changes nothing."""
    send = house.send(send_id)
    if has_gone_back(house, send):
        for shard in sorted(house.sends.finished_shards(send_id, "features")):
            if house.lake.exists(CANDIDATE_FEATURES, {"send_id": send_id}, shard_name(shard)):
                _fall_back(house, send, shard)


def _fall_back(house: House, send: Send, shard: int) -> None:
    """Move the rows of letters that are not out: last those that say who is the candidate's, so that a crash before repeats it all."""
    lake, partition, name = house.lake, {"send_id": send.send_id}, shard_name(shard)
    theirs = lake.read(CANDIDATE_FEATURES, partition, name=name)
    stand = house.ledger.statuses(send.send_id, map(RecipientId, theirs["recipient_id"]))
    pending = {who for who in theirs["recipient_id"] if is_pending(stand.get(who))}
    if not pending:
        return
    republish(house, send, [shard])
    order = lake.read("audience", partition, name=name)["recipient_id"]
    features = _moved(lake.read("features", partition, name=name), lake.read(REPUBLISHED_FEATURES, partition, name=name), pending)
    lake.write(
        "features",
        features.set_index("recipient_id").loc[order[order.isin(features["recipient_id"])]].reset_index(),
        partition=partition,
        name=name,
    )
    counts = house.sends.finished_shards(send.send_id, "decisions").get(shard)
    if counts is not None:
        decisions = _moved(lake.read("decisions", partition, name=name), lake.read(REPUBLISHED, partition, name=name), pending)
        lake.write("decisions", decisions, partition=partition, name=name)
        constraints = {what: count for what, count in counts.items() if "/" not in what}
        house.sends.reopen_shards(send.send_id, "decisions", [shard])
        house.sends.finish_shard(send.send_id, shard, "decisions", count_variants(decisions) | constraints, now())
    lake.write(CANDIDATE_FEATURES, theirs[~theirs["recipient_id"].isin(pending)], partition=partition, name=name)


def _moved(kept: pd.DataFrame, anew: pd.DataFrame, pending: Collection[str]) -> pd.DataFrame:
    """The rows kept, those of the recipients in question replaced."""
    others, theirs = kept[~kept["recipient_id"].isin(list(pending))], anew[anew["recipient_id"].isin(list(pending))]
    return pd.concat([others, theirs], ignore_index=True) if len(others) else theirs.reset_index(drop=True)
