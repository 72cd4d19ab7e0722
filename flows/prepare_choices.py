"""Prepare the choices of a shard: from its frozen audience, features and exposures to what may be drawn for each recipient."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from audience.eligibility import eligible_variants
from flows.compute_shard_features import features_of
from flows.load_basis import Basis
from flows.look_up_exposures import exposures_of
from flows.run_stage import shard_name
from ranking.choice_sets import ChoiceSets, choice_sets, is_constrained
from ranking.exposures import aligned
from ranking.layout import FeatureFrame
from storage.recipients import expand


@dataclass(frozen=True, slots=True)
class ShardInputs:
    """What a shard is decided from. `exposures` is None for campaigns that do not ask what was shown before."""

    audience: pd.DataFrame
    features: FeatureFrame | None
    exposures: pd.DataFrame | None


def read_inputs(basis: Basis, shard: int) -> ShardInputs:
    """The inputs as the stages before have left them in the lake."""
    lake, partition, name = basis.house.lake, {"send_id": basis.send.send_id}, shard_name(shard)
    layout = basis.model.parameters.layout if basis.model else None
    features = FeatureFrame.from_pandas(lake.read("features", partition, name=name), layout) if layout else None
    exposures = lake.read("exposures", partition, name=name) if is_constrained(basis.content) else None
    return ShardInputs(lake.read("audience", partition, name=name), features, exposures)


def fresh_inputs(basis: Basis, audiences: Sequence[pd.DataFrame]) -> Iterator[ShardInputs]:
    """The inputs of several shards, made at once from their audiences. Writes nothing."""
    nothing = [None] * len(audiences)
    features = features_of(basis.house, basis.send, basis.model, audiences) if basis.model else nothing
    shown = exposures_of(basis.house, basis.send, basis.content, audiences) if is_constrained(basis.content) else nothing
    return map(ShardInputs, audiences, features, shown)


def prepare_choices(basis: Basis, inputs: ShardInputs) -> tuple[pd.DataFrame, ChoiceSets]:
    """The admitted recipients (expanded frame) and their choice sets, row by row. Writes nothing."""
    attributes = basis.house.recipients.attributes()
    recipients = expand(inputs.audience[inputs.audience["exclusion"].isna()], attributes)
    sets = choice_sets(
        len(recipients),
        inputs.features,
        content=basis.content,
        eligible=eligible_variants(basis.content, recipients, attributes, basis.send.as_of),
        model=basis.model,
        as_of=basis.send.as_of,
        exposures=None if inputs.exposures is None else aligned(inputs.exposures, recipients["recipient_id"]),
    )
    return recipients, sets
