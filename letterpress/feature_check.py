"""Check the features of a send: as served against recomputed, and as served against those its model was fitted on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from domain.errors import InputError
from domain.send import Send
from flows.compute_shard_features import CANDIDATE_FEATURES, blocks, features_of
from flows.load_model import load_model
from flows.prepare_choices import read_features
from flows.run_stage import shard_name
from ranking.features.drift import Counts, Drift, Level, added, drifts, served_counts
from ranking.features.skew import Skew, merged, skews
from ranking.layout import FeatureFrame
from ranking.model import RankingModel
from runtime.house import House


@dataclass(frozen=True, slots=True)
class FeatureCheck:
    """What was found. `recipients` is how many were compared; `drift` is empty for a model that kept no bins."""

    send_id: str
    model_version: str
    recipients: int
    skew: tuple[Skew, ...]
    drift: tuple[Drift, ...]

    @property
    def served_as_computed(self) -> bool:
        """Whether every feature of every recipient was served as the same function gives it again."""
        return not self.skew

    @property
    def drifted(self) -> tuple[str, ...]:
        """The features that have moved far from what the model was fitted on."""
        return tuple(one.feature for one in self.drift if one.level is Level.DRIFTED)


def check_features(house: House, send: Send, progress: Callable[[int, int], None]) -> FeatureCheck:
    """Recompute the features of all shards that have any, as of the send, and compare. InputError if none were computed.

    Skew is looked for in what every model was served, drift in what the incumbent was.
    """
    model, shards = load_model(house, send.model_version), sorted(house.sends.finished_shards(send.send_id, "features"))
    if model is None or not shards:
        raise InputError(f"{send.send_id} has no features to check", hint="a send has them when a model decides, once they are computed")
    candidate = load_model(house, send.candidate_version)
    found, counts, recipients = list[tuple[Skew, ...]](), list[tuple[Counts, ...]](), 0
    for block in blocks(shards, house.recipients.count()):
        for served, again in _both(house, send, model, "features", block):
            found.append(skews(served, again))
            counts.append(served_counts(model.bins, served) if model.bins else ())
            recipients += len(served)
        for served, again in _both(house, send, candidate, CANDIDATE_FEATURES, block) if candidate else ():
            found.append(skews(served, again))
            recipients += len(served)
        progress(shards.index(block[-1]) + 1, len(shards))
    drift = drifts(model.bins, added(counts)) if model.bins else ()
    return FeatureCheck(send.send_id, model.model_version, recipients, merged(found), drift)


def _both(house: House, send: Send, model: RankingModel, table: str, shards: Sequence[int]) -> list[tuple[FeatureFrame, FeatureFrame]]:
    """The features of each shard as served, and computed again from the frozen audience and the history received before."""
    served, audiences = list[FeatureFrame](), list[pd.DataFrame]()
    for name in map(shard_name, shards):
        if (kept := read_features(house, send, model, table, name)) is not None and len(kept):
            audience = house.lake.read("audience", {"send_id": send.send_id}, name=name)
            served.append(kept)
            audiences.append(audience[audience["recipient_id"].isin(kept.recipient_id)])
    return list(zip(served, features_of(house, send, model, audiences), strict=True))
