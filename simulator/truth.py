"""What draws people to a variant, and what they get to see: the truth that a ranker should find out.

A person clicks what they examine with probability σ(base + taste match + the variant's own appeal + attribute effects).
They examine a slot with a probability that falls with its rank in the letter, once they have opened it; they open it
by the same kind of attraction to the subject line. A variant's appeal is a function of seed and name alone, so that new
variants can be written at any time.
"""

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from domain.hashing import uniform
from simulator.letters import Choice, Surface
from simulator.people import CATEGORIES, Floats, People

_BASE, _BASE_SUBJECT = -3.6, -0.5  # logits: of clicking what is examined, of opening
_MATCH, _MATCH_SUBJECT = 3.3, 1.2  # per unit of taste share
_NEUTRAL_TASTE = 0.2  # what a variant of no category in particular matches everyone with
_APPEAL, _WEALTH, _COUNTRY = 0.3, 0.3, 0.2  # standard deviations over variants, in logits


def attraction(people: People, surface: Surface, seed: int) -> Floats:
    """Probability that each person clicks each variant once examined, or for subject lines opens: float32[n, V]."""
    base, match = (_BASE_SUBJECT, _MATCH_SUBJECT) if surface.is_subject else (_BASE, _MATCH)
    logits = base + match * _matches(people, surface.choices)
    for column, choice in enumerate(surface.choices):
        logits[:, column] += _own_effects(people, surface, choice, seed)
    if surface.is_subject:
        logits += people.keenness[:, None]
    return np.asarray(1.0 / (1.0 + np.exp(-logits)), dtype=np.float32)


def examination(surface: Surface) -> Floats:
    """Probability that a slot is looked at in an opened letter, by position: float32[positions]."""
    ranks = surface.rank + np.arange(surface.positions)
    return (0.95 / (1.0 + 0.35 * ranks)).astype(np.float32)


def appeal_of(surface: Surface, choice: Choice, seed: int, salt: str = "appeal") -> float:
    """A standard normal draw that belongs to this variant and salt."""
    drawn = uniform(f"{surface.placement}/{choice.variant}", f"{seed}:{salt}")
    return NormalDist().inv_cdf(min(max(drawn, 1e-9), 1 - 1e-9))


def _matches(people: People, choices: tuple[Choice, ...]) -> Floats:
    known = {category: number for number, category in enumerate(CATEGORIES)}
    neutral = np.full(len(people), _NEUTRAL_TASTE, dtype=np.float32)
    return np.column_stack([people.tastes[:, known[c.category]] if c.category in known else neutral for c in choices])


def _own_effects(people: People, surface: Surface, choice: Choice, seed: int) -> npt.NDArray[np.floating]:
    """The variant's appeal to everyone, to the wealthy, and to each country: float[n]."""
    by_country = np.array([appeal_of(surface, choice, seed, f"country {number}") for number in range(5)]) * _COUNTRY
    wealth = _WEALTH * appeal_of(surface, choice, seed, "wealth")
    return _APPEAL * appeal_of(surface, choice, seed) + wealth * people.wealth + by_country[people.countries]
