"""What each recipient could be shown, by category: all that the diversity floor needs to know of candidates, and small.

Compiled by numba. Functions compiled in one file never call those of another: numba's cache only notices changes of a function's own file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_jit = nb.njit(cache=True, nogil=True, error_model="numpy")


@dataclass(frozen=True, slots=True)
class Considered:
    """A placement whose variants count for diversity, for n recipients and V variants.

    `log_rates` [n, V] (finite where eligible) and `eligible` bool[n, V]; `category` int64[V]; `defaults` the default slate as indices;
    `examination` float64[positions]: how likely a position is looked at, relative to the first.
    """

    log_rates: npt.NDArray[np.floating[Any]]
    eligible: Bools
    category: Ints
    defaults: npt.NDArray[np.integer[Any]]
    examination: Doubles

    @property
    def positions(self) -> int:
        """How many variants the placement shows."""
        return len(self.examination)


class Letter(NamedTuple):
    """What all recipients share. Variants of all placements stand side by side; `first` int64[P + 1] says where each begins.

    `positions` int64[P]; `examination` float64[P, K]; `defaults` int64[P, K], −1 for none; `category` int64[V] is below `categories`.
    """

    first: Ints
    positions: Ints
    examination: Doubles
    defaults: Ints
    category: Ints
    categories: int


class Offers(NamedTuple):
    """For n recipients: `take` int64[n, P] positions that candidates fill; `have` int64[n, P, C] candidates by category, no more than there
    are positions; `rate` float64[n, P, C, K] of the best of them, falling; `at` int64[n, P, C, K] where they stand; `fill` int64[n, C]
    defaults that fill gaps."""

    take: Ints
    have: Ints
    rate: Doubles
    at: Ints
    fill: Ints


def letter_of(placements: Sequence[Considered], categories: int) -> Letter:
    """The placements side by side."""
    positions = np.array([p.positions for p in placements], dtype=np.int64)
    first = np.cumsum([0, *(len(p.category) for p in placements)])
    examination, defaults = np.zeros((len(placements), positions.max())), np.full((len(placements), positions.max()), -1, np.int64)
    for at, placement in enumerate(placements):
        slate = placement.defaults[: placement.positions]
        examination[at, : placement.positions] = placement.examination
        defaults[at, : len(slate)] = first[at] + slate
    category = np.concatenate([np.asarray(p.category, np.int64) for p in placements])
    return Letter(first, positions, examination, defaults, category, categories)


@_jit
def offers_of(letter: Letter, rates: Doubles, eligible: Bools) -> Any:
    """Offers of rates float64[n, V] and eligibility bool[n, V] over the variants of all placements."""
    n, placements, deepest = len(rates), len(letter.positions), letter.examination.shape[1]
    shape = n, placements, letter.categories
    cells = (n, placements, letter.categories, deepest)
    take, have, fill = np.zeros((n, placements), np.int64), np.zeros(shape, np.int64), np.zeros((n, letter.categories), np.int64)
    rate, at = np.full(cells, -np.inf), np.full(cells, -1)
    for row in range(n):
        for p in range(placements):
            candidates = 0
            for v in range(letter.first[p], letter.first[p + 1]):
                if eligible[row, v]:
                    candidates += 1
                    c = letter.category[v]
                    have[row, p, c] = _insert(rate[row, p, c], at[row, p, c], have[row, p, c], letter.positions[p], v, rates[row, v])
            take[row, p] = min(letter.positions[p], candidates)
            _fill_gaps(letter, p, eligible[row], letter.positions[p] - take[row, p], fill[row])
    return Offers(take, have, rate, at, fill)


@_jit
def _insert(rates: Doubles, ats: Ints, length: int, most: int, v: int, rate: float) -> Any:  # noqa: PLR0917 - numba takes no keyword-only arguments
    """Put a variant among the best `most` of its category; returns how many there are. Of equals the first stays ahead."""
    if length == most:
        if rate <= rates[length - 1]:
            return length
        length -= 1
    j = length
    while j > 0 and rates[j - 1] < rate:
        rates[j], ats[j] = rates[j - 1], ats[j - 1]
        j -= 1
    rates[j], ats[j] = rate, v
    return length + 1


@_jit
def _fill_gaps(letter: Letter, p: int, eligible: Bools, gaps: int, fill: Ints) -> None:
    """Where there are too few candidates all of them are shown, and the first defaults that are none."""
    for at in letter.defaults[p]:
        if gaps > 0 and at >= 0 and not eligible[at]:
            fill[letter.category[at]] += 1
            gaps -= 1


@_jit
def keep(letter: Letter, offers: Offers, caps: Ints, eligible: Bools) -> Any:
    """Eligibility bool[n, V] of the best `caps` int64[n, P, C] candidates by placement and category, and of all where a placement
    could not show more of a category anyway."""
    kept = eligible.copy()
    for row in range(len(kept)):
        for p in range(len(letter.positions)):
            for v in range(letter.first[p], letter.first[p + 1]):
                cap = caps[row, p, letter.category[v]]
                if kept[row, v] and cap < offers.take[row, p]:
                    kept[row, v] = False
                    for j in range(cap):
                        kept[row, v] |= offers.at[row, p, letter.category[v], j] == v
    return kept
