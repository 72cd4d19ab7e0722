"""What policies are truly worth here: the expected share of letters clicked, from the truth and not from a sample of clicks."""

from collections.abc import Mapping, Sequence

import numpy as np

from simulator.letters import Surface
from simulator.logging_policy import choose
from simulator.people import People
from simulator.reading import Ints, message_click_rate
from simulator.truth import attraction


def true_click_rates(people: People, surfaces: Sequence[Surface], seed: int) -> Mapping[str, float]:
    """Share of letters that would be clicked under each policy: the default slate, random variants, the past policy, the
    best slate for all alike, and the best slate for each. Random ones are averaged over one draw per person."""
    rng = np.random.default_rng([seed, 6])
    policies = {
        "default": [_alike(people, surface.index(surface.default)) for surface in surfaces],
        "random": [rng.random((len(people), len(surface.choices))).argsort(axis=1)[:, : surface.positions] for surface in surfaces],
        "logged": [choose(people, surface, seed, rng).ranking for surface in surfaces],
        "best for all": [_best_for_all(people, surface, seed) for surface in surfaces],
        "best for each": [best_for_each(people, surface, seed) for surface in surfaces],
    }
    placements = [surface.placement for surface in surfaces]
    return {
        name: float(message_click_rate(people, surfaces, dict(zip(placements, rankings, strict=True)), seed).mean())
        for name, rankings in policies.items()
    }


def best_for_each(people: People, surface: Surface, seed: int) -> Ints:
    """The variants that attract each person most, in order: int64[n, K]. Optimal, as examination falls with position."""
    return np.argsort(-attraction(people, surface, seed), axis=1, kind="stable")[:, : surface.positions].astype(np.int64)


def _best_for_all(people: People, surface: Surface, seed: int) -> Ints:
    average = attraction(people, surface, seed).mean(axis=0)
    return _alike(people, tuple(np.argsort(-average, kind="stable")[: surface.positions].tolist()))


def _alike(people: People, slate: tuple[int, ...]) -> Ints:
    return np.broadcast_to(np.array(slate, dtype=np.int64), (len(people), len(slate)))
