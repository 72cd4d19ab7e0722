"""The policy of the past and its propensities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.policies.propensities import all_marginals
from simulator.letters import WEEKLY, Surface
from simulator.logging_policy import UNIFORM, believed_favourites, believed_weights, choose, marginals, propensities
from simulator.people import People, draw_people
from tests.simulator.world import SEED, UNTIL

STORY = next(surface for surface in WEEKLY if surface.positions > 1)
HERO = next(surface for surface in WEEKLY if surface.placement == "weekly.hero")


@pytest.fixture(scope="module")
def people() -> People:
    return draw_people(20_000, SEED, UNTIL)


@settings(deadline=None)
@given(st.lists(st.floats(0.05, 20), min_size=3, max_size=6), st.integers(1, 3))
def test_marginals_agree_with_the_ranking_room(weights: list[float], positions: int) -> None:
    """Summing over every ranking gives what the ranking room gets by integration."""
    row = np.array([weights])
    assert marginals(row, positions) == pytest.approx(all_marginals(row, positions), abs=1e-6)


@pytest.mark.parametrize("surface", WEEKLY, ids=lambda surface: surface.placement)
def test_each_position_is_filled(surface: Surface) -> None:
    """The marginals of a position sum to 1 over the variants, for every belief."""
    found = marginals(believed_weights(surface, SEED), surface.positions)
    assert found.sum(axis=1) == pytest.approx(np.ones((7, surface.positions)))


def test_logged_propensities_are_how_often(people: People) -> None:
    """A variant comes into a position as often as its logged propensity says, for each belief."""
    rng = np.random.default_rng(1)
    beliefs, belief = believed_weights(STORY, SEED), believed_favourites(people)
    seen = np.zeros((7, len(STORY.choices), STORY.positions))
    rounds = 10
    for _ in range(rounds):
        ranking = choose(people, STORY, SEED, rng).ranking
        np.add.at(seen, (belief[:, None], ranking, np.arange(STORY.positions)), 1)
    expected = (1 - UNIFORM) * marginals(beliefs, STORY.positions) + UNIFORM / len(STORY.choices)
    draws = np.bincount(belief, minlength=7)[:, None, None] * rounds
    errors = (seen / draws - expected) / np.sqrt(expected * (1 - expected) / draws)
    assert np.abs(errors).max() < 4.5
    assert errors.std() == pytest.approx(1, abs=0.2)


def test_first_prefix_is_the_marginal(people: People) -> None:
    """At the first position the joint probability is the marginal; further ones only shrink."""
    logged = choose(people, STORY, SEED, np.random.default_rng(2))
    assert logged.prefix_propensity[:, 0] == pytest.approx(logged.propensity[:, 0])
    assert (np.diff(logged.prefix_propensity, axis=1) < 0).all()


def test_prefixes_of_all_rankings_sum_to_one() -> None:
    """The joint probabilities of every ranking of three sum to 1 for one belief."""
    beliefs = believed_weights(STORY, SEED)
    grid = np.array(np.meshgrid(*[range(len(STORY.choices))] * 3)).reshape(3, -1).T
    rankings = grid[[len(set(row)) == 3 for row in grid.tolist()]]
    _, prefix = propensities(beliefs, np.zeros(len(rankings), dtype=np.int64), rankings)
    assert prefix[:, -1].sum() == pytest.approx(1)


def test_partly_wrong(people: People) -> None:
    """The past policy prefers a favourite's category, and explores: every variant has a propensity of at least its uniform share."""
    logged = choose(people, HERO, SEED, np.random.default_rng(3))
    assert logged.propensity.min() >= UNIFORM / len(HERO.choices)
    said = people.recipients["favourite"].to_numpy() == "books"
    books = [choice.category for choice in HERO.choices].index("books")
    shown = logged.ranking[:, 0] == books
    assert shown[said].mean() > 1.5 * shown[~said].mean()
