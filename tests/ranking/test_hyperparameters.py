"""Settings go on from the incumbent, and change only by a search that gains beyond doubt."""

from dataclasses import replace

import pytest

from ranking.model import RankingModel
from ranking.specification import Hyperparameters, TrainingSpec
from ranking.training.hyperparameters import Searched, with_those_of
from ranking.training.train import TrainingRequest, train
from tests.ranking.world import World

SMALL = Hyperparameters(leaves=4, learning_rate=0.3)


def test_a_model_hands_on_its_settings_and_its_segments(model: RankingModel, request_: TrainingRequest) -> None:
    """Leaves, learning rate, share of features, and how many segments there are under which names."""
    assert with_those_of(request_, None) == request_
    incumbent = replace(model, card=replace(model.card, hyperparameters=SMALL))
    found = with_those_of(request_, incumbent)
    assert found.training.hyperparameters == SMALL
    segments = model.parameters.segments
    assert segments is not None and found.features.segments == (len(segments.centroids),) * 2
    assert found.segments_before == segments


def test_models_from_before_settings_were_kept_hand_on_none(model: RankingModel, request_: TrainingRequest) -> None:
    """The usual ones stand."""
    older = replace(model, card=replace(model.card, hyperparameters=None))
    assert with_those_of(request_, older).training == request_.training


def test_a_search_that_gains_nothing_leaves_the_settings_as_they_are(world: World, request_: TrainingRequest) -> None:
    """Two leaves that hardly learn cannot beat the usual trees: the card tells what was tried, and the usual ones decide."""
    request = replace(request_, training=replace(request_.training, trees=15))
    hopeless = Hyperparameters(leaves=2, learning_rate=0.001)
    found = train(world.history, world.recipients, request, grid=(hopeless,))
    assert isinstance(found, RankingModel)
    assert found.card.hyperparameters == TrainingSpec().hyperparameters
    assert "the settings stay" in found.card.notes[-1]


def test_a_search_that_gains_is_kept(world: World, request_: TrainingRequest) -> None:
    """From settings that hardly learn to the usual ones."""
    hopeless = replace(request_.training, trees=15, hyperparameters=Hyperparameters(leaves=2, learning_rate=0.001))
    found = train(world.history, world.recipients, replace(request_, training=hopeless), grid=(Hyperparameters(),))
    assert isinstance(found, RankingModel)
    assert found.card.hyperparameters == Hyperparameters()
    assert "used from now on" in found.card.notes[-1]


@pytest.mark.parametrize(("low", "kept"), [(0.001, True), (0.0, False), (-0.01, False)])
def test_a_gain_counts_only_beyond_doubt(low: float, kept: bool) -> None:
    """When its interval holds nothing but gains."""
    assert Searched(3, SMALL, 0.02, low, 0.05).kept is kept
