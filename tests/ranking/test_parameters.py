"""Fitted parameters survive being written and read, those of older models too."""

import json

import numpy as np

from ranking.features.compute import compute_features, serving_spine
from ranking.features.parameters import FeatureParameters
from ranking.model import RankingModel
from tests.ranking.world import NOW, World


def test_files_hold_all_parameters(model: RankingModel) -> None:
    """Segments with their names and stability, vectors, and everything else."""
    files = model.parameters.to_files()
    again = FeatureParameters.from_files(files)
    assert again.to_files() == files
    assert again.segments is not None and model.parameters.segments is not None
    assert (again.segments.names, again.segments.stability) == (model.parameters.segments.names, model.parameters.segments.stability)
    assert [one.k for one in again.segments.stability] == [len(again.segments.centroids)]


def test_segments_of_older_models_are_named_by_their_order(world: World, model: RankingModel) -> None:
    """Files written before names and stability were kept give the same features."""
    files = dict(model.parameters.to_files())
    stored = json.loads(files["parameters.json"])
    del stored["segments"], stored["spec"]["embedding_axes"]
    files["parameters.json"] = json.dumps(stored | {"has_segments": True}).encode()
    old = FeatureParameters.from_files(files)
    assert old.segments is not None and old.segments.names.words == tuple(f"s{n:02d}" for n in range(len(old.segments.centroids)))
    spine = serving_spine(world.recipients.head(100), NOW)
    np.testing.assert_array_equal(
        compute_features(spine, world.history, old).recipient, compute_features(spine, world.history, model.parameters).recipient
    )
