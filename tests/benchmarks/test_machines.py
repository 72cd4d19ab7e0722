"""The benchmark `machines` finds scanners, and shows what they do to a ranker."""

from collections import Counter

import pytest

from benchmarks.learning import machines
from benchmarks.learning.machines import Scene, Tally
from simulator.mailboxes import By, Town


def test_precision_and_recall_are_of_machines_clicks() -> None:
    """Eight of nine found, one person wronged of three; kinds apart."""
    clicks = Counter({(By.SANDBOX, False): 6, (By.SAMPLER, False): 2, (By.SAMPLER, True): 1, (By.READER, False): 1, (By.READER, True): 2})
    found = Tally(clicks, Counter())
    assert found.figures == pytest.approx({"precision": 8 / 9, "recall": 8 / 9, "people_kept": 2 / 3, "kept_by_people": 2 / 3})
    assert found.recall_by == pytest.approx({"sandbox": 1, "sampler": 2 / 3})


@pytest.mark.parametrize("seed", [1, 2])
def test_machines_are_told_from_people(seed: int) -> None:
    """On a list of 6,000, precision and recall on clicks are each at least .95, and hardly a person's click is lost."""
    found = machines._tally(Scene(6_000), [seed])
    assert all(found.figures[name] >= 0.95 for name in ("precision", "recall", "people_kept"))  # type: ignore[operator]
    assert found.opens[False] >= 0.95 * found.opens.total()


def test_without_scanners_nobody_is_taken_for_one() -> None:
    """Nearly all people's clicks count where no machine clicks at all."""
    found = machines._tally(Scene(3_000, town=Town(protected=0.0)), [1])
    assert found.clicks[By.READER, True] >= 0.97 * found.clicks.total()


def test_a_model_trained_with_the_filter_beats_one_without() -> None:
    """On people's clicks, and comes near one that was trained on people alone."""
    found = machines._ndcg([machines._learn(1_000, 3)])
    assert found["ndcg5_with"] > found["ndcg5_without"] + 0.02  # type: ignore[operator]
    assert found["ndcg5_with"] > found["ndcg5_people"] - 0.05  # type: ignore[operator]
