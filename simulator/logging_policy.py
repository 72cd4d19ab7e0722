"""The policy by which the shop chose in the past: Plackett–Luce on beliefs that are partly wrong, mixed with uniform choice.

It believes what people once said is their favourite, and has opinions of variants that have nothing to do with their
appeal. There are only as many distinct beliefs as favourites, so its propensities are enumerated exactly.
"""

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import numpy.typing as npt

from simulator.letters import Surface
from simulator.people import CATEGORIES, People
from simulator.truth import appeal_of

UNIFORM = 0.1  # share of letters in which the ranking is uniform
_FAVOURITE, _OPINION = 0.9, 0.7  # logits

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Logged:
    """What was chosen for n people. `ranking` int64[n, K] indexes the surface's choices; `propensity` float64[n, K] is the
    item-position marginal, `prefix_propensity` the joint one of the positions so far, both of the mixture."""

    ranking: Ints
    propensity: Doubles
    prefix_propensity: Doubles


def choose(people: People, surface: Surface, seed: int, rng: np.random.Generator) -> Logged:
    """Draw a ranking for everyone, with its exact propensities."""
    beliefs = believed_weights(surface, seed)
    belief = believed_favourites(people)
    weights = np.where(rng.random(len(people))[:, None] < UNIFORM, 1.0, beliefs[belief])
    arrivals = rng.exponential(size=weights.shape) / weights  # the order of arrivals is a Plackett–Luce ranking
    ranking = np.argsort(arrivals, axis=1)[:, : surface.positions]
    return Logged(ranking, *propensities(beliefs, belief, ranking))


def believed_favourites(people: People) -> Ints:
    """The row of `believed_weights` for each person: int64[n]; the last row is for those who never said."""
    codes = people.recipients["favourite"].astype("category").cat.set_categories(list(CATEGORIES)).cat.codes.to_numpy()
    return np.where(codes < 0, len(CATEGORIES), codes).astype(np.int64)


def believed_weights(surface: Surface, seed: int) -> Doubles:
    """Plackett–Luce weights by favourite (and none): float64[categories + 1, V]."""
    opinions = np.array([_OPINION * appeal_of(surface, choice, seed, "opinion") for choice in surface.choices])
    liked = [[_FAVOURITE * (choice.category == favourite) for choice in surface.choices] for favourite in (*CATEGORIES, None)]
    return np.asarray(np.exp(opinions + np.array(liked)), dtype=np.float64)


def propensities(beliefs: Doubles, belief: Ints, ranking: Ints) -> tuple[Doubles, Doubles]:
    """Item-position marginals and prefix probabilities of rankings under the mixture, float64[n, K] both."""
    positions, mixture = ranking.shape[1], (1.0 - UNIFORM, UNIFORM)
    parts = [marginals(weights, positions) for weights in (beliefs, np.ones_like(beliefs))]
    table = mixture[0] * parts[0] + mixture[1] * parts[1]
    marginal = table[belief[:, None], ranking, np.arange(positions)]
    prefix = mixture[0] * _prefixes(beliefs[belief], ranking) + mixture[1] * _prefixes(np.ones((1, beliefs.shape[1])), ranking)
    return marginal, prefix


def marginals(weights: Doubles, positions: int) -> Doubles:
    """P(variant at position) by summing over every ordered prefix: float64[rows, V, positions]."""
    found = np.zeros((*weights.shape, positions))
    for prefix in permutations(range(weights.shape[1]), positions):
        ranking = np.broadcast_to(np.array(prefix), (len(weights), positions))
        found[:, prefix, range(positions)] += _prefixes(weights, ranking)[:, -1:]
    return found


def _prefixes(weights: Doubles, ranking: Ints) -> Doubles:
    """Joint probability of the positions up to and including each: float64[n, K]. One row of weights may serve all."""
    weights = np.broadcast_to(weights, (len(ranking), weights.shape[1]))
    chosen = np.take_along_axis(weights, ranking, axis=1)
    left = weights.sum(axis=1, keepdims=True) - np.cumsum(chosen, axis=1) + chosen
    return np.cumprod(chosen / left, axis=1)
