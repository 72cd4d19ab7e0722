"""The same data and seed give the same model, whoever trains it."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256

from ranking.model import RankingModel
from ranking.specification import FeatureSpec, TrainingSpec
from ranking.training.train import TrainingRequest, train
from tests.ranking.world import ATTRIBUTES, NOW, VARIANTS, make_world


def digests(threads: int) -> dict[str, str]:
    """A digest of every file of a model, trained with so many threads."""
    world = make_world(recipients=800, sends=5, seed=2)
    request = TrainingRequest(NOW, FeatureSpec(attributes=ATTRIBUTES, variants=VARIANTS), TrainingSpec(trees=25, threads=threads))
    model = train(world.history, world.recipients, request)
    assert isinstance(model, RankingModel)
    return {name: sha256(data).hexdigest() for name, data in model.to_files().items()}


def test_two_processes_with_different_threads_train_the_same_bytes() -> None:
    """Trained by two fresh processes, on one thread and on three, every file of the model is the same byte for byte."""
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as processes:
        one, three = processes.map(digests, (1, 3))
    assert one == three
    assert {"forest.txt", "parameters.json", "head.json", "card.json"} <= set(one)
