"""A world and a model of it, made once: training is the slow part of these tests."""

import pytest

from ranking.model import RankingModel
from ranking.specification import FeatureSpec, TrainingSpec
from ranking.training.train import TrainingRequest, train
from tests.ranking.world import ATTRIBUTES, NOW, VARIANTS, World, make_world


@pytest.fixture(scope="session")
def world() -> World:
    return make_world()


@pytest.fixture(scope="session")
def request_() -> TrainingRequest:
    return TrainingRequest(NOW, FeatureSpec(attributes=ATTRIBUTES, variants=VARIANTS), TrainingSpec(trees=80))


@pytest.fixture(scope="session")
def model(world: World, request_: TrainingRequest) -> RankingModel:
    trained = train(world.history, world.recipients, request_)
    assert isinstance(trained, RankingModel)
    return trained
