"""Prepare the choices of a shard: from its frozen audience, features and exposures to what may be drawn for each recipient."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from domain.decision import Arm
from domain.send import Send
from flows.compute_shard_features import CANDIDATE_FEATURES, features_of
from flows.leave_out_retired import eligible_then
from flows.load_basis import Basis
from flows.look_up_exposures import exposures_of
from flows.run_stage import shard_name
from flows.split_by_model import split_by_model
from ranking.deciding.choice_sets import ChoiceSets, choice_sets, is_constrained
from ranking.deciding.exposures import aligned
from ranking.layout import FeatureFrame
from ranking.model import RankingModel
from runtime.house import House
from storage.recipients import expand


@dataclass(frozen=True, slots=True)
class ShardInputs:
    """What a shard is decided from. `exposures` is None for campaigns that do not ask what was shown before.

    The recipients of `candidate_features` are those whom the candidate decides for.
    """

    audience: pd.DataFrame
    features: FeatureFrame | None
    exposures: pd.DataFrame | None
    candidate_features: FeatureFrame | None = None


def read_inputs(basis: Basis, shard: int) -> ShardInputs:
    """The inputs as the stages before have left them in the lake."""
    lake, partition, name = basis.house.lake, {"send_id": basis.send.send_id}, shard_name(shard)
    features = read_features(basis.house, basis.send, basis.model, "features", name)
    exposures = lake.read("exposures", partition, name=name) if is_constrained(basis.content) else None
    theirs = read_features(basis.house, basis.send, basis.candidate, CANDIDATE_FEATURES, name)
    return ShardInputs(lake.read("audience", partition, name=name), features, exposures, theirs)


def read_features(house: House, send: Send, model: RankingModel | None, table: str, name: str) -> FeatureFrame | None:
    """A file of features as they were served to a model; None without a model or where it has none."""
    partition = {"send_id": send.send_id}
    if model is None or not house.lake.exists(table, partition, name):
        return None
    return FeatureFrame.from_pandas(house.lake.read(table, partition, name=name), model.parameters.layout)


def fresh_inputs(basis: Basis, audiences: Sequence[pd.DataFrame]) -> Iterator[ShardInputs]:
    """The inputs of several shards, made at once from their audiences. Writes nothing."""
    house, send, nothing = basis.house, basis.send, [None] * len(audiences)
    halves = [split_by_model(house, send, audience) for audience in audiences]
    features = features_of(house, send, basis.model, [own for own, _ in halves]) if basis.model else nothing
    rolled_out = basis.candidate is not None and any(len(theirs) for _, theirs in halves)
    theirs = features_of(house, send, basis.candidate, [part for _, part in halves]) if basis.candidate and rolled_out else nothing
    shown = exposures_of(house, send, basis.content, audiences) if is_constrained(basis.content) else nothing
    return map(ShardInputs, audiences, features, shown, theirs)


def halves(basis: Basis, inputs: ShardInputs) -> Iterator[tuple[Basis, ShardInputs]]:
    """Each model with the part of a shard that it decides for; without a rollout there is one, whoever is in it."""
    found = inputs.candidate_features
    if basis.candidate is None or found is None or not len(found):
        yield basis, replace(inputs, audience=of_incumbent(inputs.audience))
        return
    drawn = inputs.audience["recipient_id"].isin(found.recipient_id)
    admitted = inputs.audience["exclusion"].isna()
    if (admitted & ~drawn).any():
        yield basis, ShardInputs(of_incumbent(inputs.audience[~drawn]), inputs.features, inputs.exposures)
    yield basis.of_candidate(), ShardInputs(inputs.audience[drawn], found, inputs.exposures)


def of_incumbent(audience: pd.DataFrame) -> pd.DataFrame:
    """Those whom the incumbent decides for, in the arm that is applied to them: a candidate that was rolled back has none."""
    drawn = audience["arm"] == Arm.CANDIDATE.value
    return audience.assign(arm=audience["arm"].mask(drawn, Arm.INCUMBENT.value)) if drawn.any() else audience


def prepare_choices(basis: Basis, inputs: ShardInputs) -> tuple[pd.DataFrame, ChoiceSets]:
    """The admitted recipients (expanded frame) and their choice sets, row by row. Writes nothing."""
    recipients = expand(inputs.audience[inputs.audience["exclusion"].isna()], basis.house.recipients.attributes())
    sets = choice_sets(
        len(recipients),
        inputs.features,
        content=basis.content,
        eligible=eligible_then(basis, recipients),
        model=basis.model,
        as_of=basis.send.as_of,
        exposures=None if inputs.exposures is None else aligned(inputs.exposures, recipients["recipient_id"]),
    )
    return recipients, sets
