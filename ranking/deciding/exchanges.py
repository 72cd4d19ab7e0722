"""A letter that meets the diversity floor at little cost: start from the best one and exchange variants. Compiled by numba.

Within a placement, one variant goes for the best of another category. While the floor is missed the exchange that costs the fewest
expected clicks per nat is made; then those are made that win clicks back and keep the floor. The floor is never missed for want of
search: entropy is a separable concave function on the bases of a polymatroid, so a letter that no exchange between two categories
improves, through as many placements as it takes, is the most diverse there is (Murota 2003, theorem 6.26).
"""

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

_GAIN = 1e-12  # expected clicks that winning back must be worth: equal ones would go round in circles

_jit = nb.njit(cache=True, nogil=True, error_model="numpy")


@_jit
def find_letters(  # noqa: PLR0917 - numba takes no keyword-only arguments
    take: Ints, have: Ints, rate: Doubles, base: Ints, examination: Doubles, g: Doubles, most: Doubles
) -> Any:
    """Letters int64[n, P, C] (variants by placement and category), and Σ g(n) of each, float64[n]: at most `most` wherever any letter is,
    else the least there is. Shapes as in `Offers`; `base` int64[n, C], `examination` float64[P, K]."""
    letters, mass = np.zeros_like(have), np.empty(len(take))
    shape = take.shape[1], examination.shape[1]
    line = np.empty(shape), np.empty(shape, np.int64)
    for row in range(len(take)):
        x, n = letters[row], base[row].copy()
        for p in range(shape[0]):
            _arrange(take[row], have[row], rate[row], p, x, line)
            for k in range(take[row, p]):
                n[line[1][p, k]] += 1
        mass[row] = _exchange(take[row], have[row], rate[row], examination, g, most[row], x, n, line)
    return letters, mass


@_jit
def _arrange(take: Ints, caps: Ints, rate: Doubles, p: int, scratch: Ints, line: Any) -> None:  # noqa: PLR0917 - numba takes no keyword-only arguments
    """Put the placement's best variants within `caps` into its line, the highest rate first: rates and categories."""
    rates, categories = line
    scratch[p] = 0
    for k in range(take[p]):
        best = -1
        for c in range(caps.shape[1]):
            if scratch[p, c] < caps[p, c] and (best < 0 or rate[p, c, scratch[p, c]] > rate[p, best, scratch[p, best]]):
                best = c
        rates[p, k], categories[p, k] = rate[p, best, scratch[p, best]], best
        scratch[p, best] += 1


@_jit
def _exchange(  # noqa: PLR0917 - numba takes no keyword-only arguments
    take: Ints, have: Ints, rate: Doubles, examination: Doubles, g: Doubles, most: float, x: Ints, n: Ints, line: Any
) -> Any:
    """Exchange until nothing helps; x, n and line follow. Returns Σ g(n)."""
    mass, scratch = g[n].sum(), np.zeros_like(x)
    while True:
        p, out, into = _best(take, have, rate, examination, g, most, mass, x, n, line)
        if p >= 0:
            x[p, out] -= 1
            x[p, into] += 1
            _arrange(take, x, rate, p, scratch, line)
        elif mass > most:
            out, into = _move(have, x, n)
            for q in range(len(take)):
                _arrange(take, x, rate, q, scratch, line)
        if out < 0:
            return mass
        mass += _change(g, n, out, into)
        n[out] -= 1
        n[into] += 1


@_jit
def _change(g: Doubles, n: Ints, out: int, into: int) -> Any:
    return g[n[out] - 1] - g[n[out]] + g[n[into] + 1] - g[n[into]]


@_jit
def _best(  # noqa: PLR0917 - numba takes no keyword-only arguments
    take: Ints, have: Ints, rate: Doubles, examination: Doubles, g: Doubles, most: float, mass: float, x: Ints, n: Ints, line: Any
) -> Any:
    """Placement and two categories: above `most` what costs least per missing nat, within it what wins most; −1s if nothing does."""
    missed = mass > most
    best, found = np.inf if missed else -_GAIN, (-1, -1, -1)
    for p in range(len(take)):
        for k in range(take[p]):
            out = line[1][p, k]
            if k + 1 < take[p] and (line[1][p, k + 1 : take[p]] == out).any():
                continue  # the last of a category is the one to go
            for into in range(x.shape[1]):
                if into == out or x[p, into] == have[p, into]:
                    continue
                change = _change(g, n, out, into)
                if (change < 0.0) if missed else (mass + change <= most):
                    cost = _cost(line[0][p], examination[p], take[p], k, rate[p, into, x[p, into]])
                    cost = cost / min(-change, mass - most) if missed else cost
                    if cost < best:
                        best, found = cost, (p, out, into)
    return found


@_jit
def _cost(rates: Doubles, examination: Doubles, take: int, k: int, rate: float) -> Any:
    """Expected clicks lost where a rate takes the place of the k-th and the line closes up, so that it falls again."""
    cost = 0.0
    while k + 1 < take and rates[k + 1] > rate:
        cost += examination[k] * (rates[k] - rates[k + 1])
        k += 1
    while k > 0 and rates[k - 1] < rate:
        cost += examination[k] * (rates[k] - rates[k - 1])
        k -= 1
    return cost + examination[k] * (rates[k] - rate)


@_jit
def _move(have: Ints, x: Ints, n: Ints) -> Any:
    """One position from a fuller category to an emptier one, through others in between; −1s if no two differ by two and are connected."""
    widest, found = 1, (-1, -1)
    for out in range(x.shape[1]):
        came = _reach(have, x, out)
        for into in range(x.shape[1]):
            if came[into] >= 0 and n[out] - n[into] > widest:
                widest, found = n[out] - n[into], (out, into)
    if found[0] >= 0:
        came, at = _reach(have, x, found[0]), found[1]
        while at != found[0]:
            p, before = came[at] // x.shape[1], came[at] % x.shape[1]
            x[p, before] -= 1
            x[p, at] += 1
            at = before
    return found


@_jit
def _reach(have: Ints, x: Ints, start: int) -> Any:
    """How each category is reached from `start` by exchanges within placements: int64[C], p · C + the category before it; −1 if not."""
    categories = x.shape[1]
    came, queue = np.full(categories, -1, np.int64), np.empty(categories, np.int64)
    queue[0], length, at = start, 1, 0
    while at < length:
        before = queue[at]
        at += 1
        for p in range(len(x)):
            for c in range(categories):
                if x[p, before] > 0 and x[p, c] < have[p, c] and c != start and came[c] < 0:
                    came[c] = p * categories + before
                    queue[length] = c
                    length += 1
    return came
