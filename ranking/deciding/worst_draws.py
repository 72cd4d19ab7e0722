"""The least diverse letter that could be drawn, and candidate sets that bar all letters below a floor. Compiled by numba.

A letter is known by x[p, c]: how many variants of category c placement p shows. With a_pc candidates and k_p positions a placement's
letters are the integer points of a box cut by Σ_c x_pc = k_p; their sums over placements are the bases of a polymatroid of rank
ρ(T) = Σ_p min(k_p, Σ_{c∈T} a_pc). The entropy of N things is ln N − Σ_c g(n_c) / N with g(n) = n ln n, so the least entropy is the
maximum of a separable convex function: at a vertex, which an order of categories makes (Edmonds 1970). Orders that begin with the
same set agree on its rank: a dynamic programme over sets of categories finds the best of all orders.
"""

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

EXACT = 8  # categories among the candidates up to which the worst letter is exact: 2^8 sets. Beyond, a bound that is never too low

_jit = nb.njit(cache=True, nogil=True, error_model="numpy")


@_jit
def worst_masses(take: Ints, caps: Ints, base: Ints, g: Doubles, most: Doubles) -> Any:
    """The largest Σ g(n) of any draw, float64[n]; exact where a bound exceeds `most` float64[n], and only as exact as needed elsewhere.

    `take` int64[n, P] positions, `caps` int64[n, P, C] candidates by placement and category, `base` int64[n, C] what counts already.
    """
    out = np.empty(len(take))
    sets, active = _scratch(take.shape[1], base.shape[1])
    for row in range(len(take)):
        out[row] = _bound(take[row], caps[row], base[row], g)
        if out[row] > most[row]:
            out[row] = _worst(take[row], caps[row], base[row], g, sets, active)
    return out


@_jit
def grow(  # noqa: PLR0917 - numba takes no keyword-only arguments
    take: Ints, caps: Ints, have: Ints, rate: Doubles, base: Ints, g: Doubles, most: Doubles
) -> Any:
    """Add candidates to `caps` (in place), the highest rates first, while every draw stays within `most`; returns Σ g(n), float64[n]."""
    out = np.empty(len(take))
    sets, active = _scratch(take.shape[1], base.shape[1])
    for row in range(len(take)):
        out[row] = _grow(take[row], caps[row], have[row].copy(), rate[row], base[row], g, most[row], sets, active)
    return out


@_jit
def _scratch(placements: int, categories: int) -> Any:
    size = np.int64(1) << min(EXACT, categories)
    return (np.zeros((size, placements), np.int64), np.zeros(size, np.int64), np.zeros(size)), np.empty(categories, np.int64)


@_jit
def _grow(  # noqa: PLR0917 - numba takes no keyword-only arguments
    take: Ints, caps: Ints, have: Ints, rate: Doubles, base: Ints, g: Doubles, most: float, sets: Any, active: Ints
) -> Any:
    """Tried in runs, which double as long as they are granted: draws only get worse, so what is granted together is granted singly."""
    worst, run = _worst(take, caps, base, g, sets, active), 1
    added = np.empty((have.sum() + 1, 2), np.int64)
    while True:
        count = 0
        while count < run and _add_next(caps, have, rate, added[count]):
            count += 1
        if count == 0:
            return worst
        tried = _worst(take, caps, base, g, sets, active)
        if tried <= most:
            worst, run = tried, min(2 * run, len(added))
            continue
        for at in range(count):
            caps[added[at, 0], added[at, 1]] -= 1
        if count == 1:
            p, c = added[0]
            have[p, c] = caps[p, c]  # other candidates only get more, so it would be refused again
        run = max(count // 2, 1)


@_jit
def _add_next(caps: Ints, have: Ints, rate: Doubles, added: Ints) -> Any:
    """Add the candidate of the highest rate and note its placement and category; False if there is none."""
    best = -1.0
    for p in range(caps.shape[0]):
        for c in range(caps.shape[1]):
            if caps[p, c] < have[p, c] and rate[p, c, caps[p, c]] > best:
                best = rate[p, c, caps[p, c]]
                added[0], added[1] = p, c
    if best < 0.0:
        return False
    caps[added[0], added[1]] += 1
    return True


@_jit
def _bound(take: Ints, caps: Ints, base: Ints, g: Doubles) -> Any:
    """No letter has more: categories share all positions, each with no more of them than placements could give it together."""
    places = take.sum()
    best = np.full(places + 1, -np.inf)
    best[0] = 0.0
    for c in range(len(base)):
        cap, n = 0, base[c]
        for p in range(len(take)):
            cap += min(caps[p, c], take[p])
        for r in range(places, -1, -1):
            top = -np.inf
            for x in range(min(cap, r) + 1):
                top = max(top, best[r - x] + g[n + x])
            best[r] = top
    return best[places]


@_jit
def _worst(take: Ints, caps: Ints, base: Ints, g: Doubles, sets: Any, active: Ints) -> Any:  # noqa: PLR0917 - numba takes no keyword-only arguments
    """The best of all orders, or the bound where there are too many. best[T]: the most that the categories T, served first, add."""
    count, mass = 0, 0.0
    for c in range(len(base)):
        mass += g[base[c]]
        for p in range(len(take)):
            if caps[p, c] > 0:
                active[count] = c
                count += 1
                break
    if count > EXACT:
        return _bound(take, caps, base, g)
    candidates, rank, best = sets
    for i in range(count):
        for rest in range(1 << i):
            chosen = rest | 1 << i
            rank[chosen] = 0
            for p in range(len(take)):
                candidates[chosen, p] = candidates[rest, p] + caps[p, active[i]]
                rank[chosen] += min(candidates[chosen, p], take[p])
            top = -np.inf
            for j in range(i + 1):
                if chosen >> j & 1:
                    left, n = chosen ^ 1 << j, base[active[j]]
                    top = max(top, best[left] + g[n + rank[chosen] - rank[left]] - g[n])
            best[chosen] = top
    return mass + best[(1 << count) - 1]
