"""The truth: what people click, and what that makes policies worth."""

import numpy as np
import pytest

from simulator.letters import WEEKLY
from simulator.logging_policy import choose
from simulator.oracle import best_for_each, true_click_rates
from simulator.people import CATEGORIES, People, draw_people
from simulator.reading import message_click_rate
from simulator.truth import attraction, examination
from tests.simulator.world import SEED, UNTIL

SUBJECT, HERO, STORY, OFFER = WEEKLY


@pytest.fixture(scope="module")
def people() -> People:
    return draw_people(10_000, SEED, UNTIL)


def test_lower_is_looked_at_less() -> None:
    """Every slot of the letter is examined less than the one above it."""
    slots = np.concatenate([examination(surface) for surface in (HERO, STORY, OFFER)])
    assert (np.diff(slots) < 0).all()
    assert 0 < slots.min() < slots.max() < 1


def test_taste_decides(people: People) -> None:
    """Whoever cares for a category clicks its hero several times as often as whoever does not."""
    garden = [choice.category for choice in HERO.choices].index("garden")
    taste = people.tastes[:, CATEGORIES.index("garden")]
    drawn = attraction(people, HERO, SEED)[:, garden]
    assert drawn[taste > 0.7].mean() > 5 * drawn[taste < 0.1].mean()


@pytest.mark.parametrize("seed", range(1, 7))
def test_there_is_something_to_learn(seed: int) -> None:
    """The best for each is worth well more than default, past policy and best for all; the past rate is that of real newsletters."""
    rates = true_click_rates(draw_people(5_000, seed, UNTIL), WEEKLY, seed)
    assert 0.05 < rates["logged"] < 0.12
    assert rates["best for each"] > 1.5 * max(rates["default"], rates["logged"], rates["best for all"])
    assert rates["best for all"] > rates["random"]


def test_no_slate_beats_the_best(people: People) -> None:
    """No slate drawn at random has a higher true click rate for anyone than the best for each."""
    best = message_click_rate(people, WEEKLY, {s.placement: best_for_each(people, s, SEED) for s in WEEKLY}, SEED)
    rng = np.random.default_rng(4)
    for _ in range(5):
        drawn = message_click_rate(people, WEEKLY, {s.placement: choose(people, s, SEED, rng).ranking for s in WEEKLY}, SEED)
        assert (drawn <= best + 1e-9).all()


def test_the_same_truth_for_any_part_of_the_people(people: People) -> None:
    """A person's truth does not depend on who else is looked at."""
    rows = np.array([5, 3, 4_000])
    assert attraction(people.take(rows), HERO, SEED) == pytest.approx(attraction(people, HERO, SEED)[rows])
