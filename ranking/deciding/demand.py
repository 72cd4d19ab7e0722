"""Demand: how many recipients a send would show each limited variant to at given prices, and how that changes with them.

Compiled by numba. For one position the expectation is a softmax. For K > 1 it is an average over replicates of common random numbers:
given the arrival times of all other variants, a variant is shown with probability 1 − exp(−w · τ), τ being the K-th arrival among
the others; this is smooth in all prices, and its derivatives are those of the average (the pathwise derivative of the race).
"""

from typing import Any, NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_GAMMA, _M1, _M2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)

_jit = nb.njit(cache=True, nogil=True, error_model="numpy")


class Crowd(NamedTuple):
    """n recipients, V variants. `order` int64: those who draw, in the order in which they are added up; `log_rates` [n, V]; `eligible`
    bool[n, V]; `exploring` bool[n]; `keys` uint64[n]; `salts` uint64[R, V] of the pricing noise; `limited` int64[L] variants."""

    order: Ints
    log_rates: npt.NDArray[np.floating[Any]]
    temperature: float
    eligible: Bools
    exploring: Bools
    keys: npt.NDArray[np.uint64]
    salts: npt.NDArray[np.uint64]
    positions: int
    limited: Ints


class Demand(NamedTuple):
    """Of L limited variants, beyond those who get one for lack of candidates: expected recipients, variance of the number drawn, variance
    of the expectation itself (0 if exact), each float64[L]; `slope` float64[L, L] of expectation i by price j."""

    expected: Doubles
    spread: Doubles
    error: Doubles
    slope: Doubles


@_jit
def demand(crowd: Crowd, prices: Doubles) -> Any:
    """Demand at prices float64[V], in log-weights."""
    count, variants = len(crowd.limited), len(prices)
    out = Demand(np.zeros(count), np.zeros(count), np.zeros(count), np.zeros((count, count)))
    number = np.full(variants, -1, np.int64)
    number[crowd.limited] = np.arange(count)
    logs, shares = np.empty(variants), np.empty((2, count))
    first, when = np.empty(crowd.positions + 1, np.int64), np.empty(crowd.positions + 1)
    for row in crowd.order:
        if crowd.eligible[row].sum() <= crowd.positions:
            continue
        for v in range(variants):
            rate = 0.0 if crowd.exploring[row] else np.float64(crowd.log_rates[row, v]) / crowd.temperature
            logs[v] = rate - prices[v] if crowd.eligible[row, v] else -np.inf
        if crowd.positions == 1:
            _add_softmax(logs, crowd.limited, out)
        else:
            _add_race(crowd, row, logs, number, out, shares, first, when)
    return out


@_jit
def _add_softmax(logs: Doubles, limited: Ints, out: Demand) -> None:
    top, total = logs.max(), 0.0
    for v in range(len(logs)):
        total += np.exp(logs[v] - top)
    for i in range(len(limited)):
        p = np.exp(logs[limited[i]] - top) / total
        out.expected[i] += p
        out.spread[i] += p * (1 - p)
        out.slope[i, i] -= p
        for j in range(len(limited)):
            out.slope[i, j] += p * np.exp(logs[limited[j]] - top) / total


@_jit
def _add_race(  # noqa: PLR0917 - numba takes no keyword-only arguments
    crowd: Crowd, row: int, logs: Doubles, number: Ints, out: Demand, shares: Doubles, first: Ints, when: Doubles
) -> None:
    """Average over replicates; what they differ by adds to the variance of the number drawn and to that of the expectation."""
    replicates, k = len(crowd.salts), crowd.positions
    shares[:] = 0.0
    for r in range(replicates):
        _arrivals(crowd, row, logs, r, first, when)
        for i in range(len(crowd.limited)):
            v = crowd.limited[i]
            if logs[v] == -np.inf:
                continue
            at = k - 1
            for early in range(k):
                if first[early] == v:
                    at = k
            hazard = np.exp(min(logs[v] + when[at], 700.0))
            p, density = -np.expm1(-hazard), hazard * np.exp(-hazard)
            shares[0, i] += p / replicates
            shares[1, i] += p * p / replicates
            out.slope[i, i] -= density / replicates
            if number[first[at]] >= 0:
                out.slope[i, number[first[at]]] += density / replicates
    for i in range(len(crowd.limited)):
        error = max(shares[1, i] - shares[0, i] ** 2, 0.0) / (replicates - 1)
        out.expected[i] += shares[0, i]
        out.spread[i] += shares[0, i] * (1 - shares[0, i]) + error
        out.error[i] += error


@_jit
def _arrivals(crowd: Crowd, row: int, logs: Doubles, r: int, first: Ints, when: Doubles) -> None:  # noqa: PLR0917 - numba takes no keyword-only arguments
    """The first K + 1 variants to arrive, and the logarithms of their times."""
    length = 0
    for v in range(len(logs)):
        if logs[v] == -np.inf:
            continue
        uniform = (np.float64(_mix(crowd.keys[row], crowd.salts[r, v]) >> np.uint64(12)) + 0.5) * 2.0**-52
        time = np.log(-np.log(uniform)) - logs[v]
        if length == len(first):
            if time >= when[length - 1]:
                continue
            length -= 1
        j = length
        while j > 0 and when[j - 1] > time:
            first[j], when[j] = first[j - 1], when[j - 1]
            j -= 1
        first[j], when[j] = v, time
        length += 1


@_jit
def _mix(key: Any, salt: Any) -> Any:
    """`domain.hashing.mix`."""
    z = (key ^ salt) + _GAMMA
    z = (z ^ (z >> np.uint64(30))) * _M1
    z = (z ^ (z >> np.uint64(27))) * _M2
    return z ^ (z >> np.uint64(31))
