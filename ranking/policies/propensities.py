"""Plackett–Luce: drawing rankings, and their exact probabilities.

A variant of log-weight l has weight w = e^l; a ranking takes variants one after the other, each with probability
proportional to its weight among those left. Equivalently variants arrive at exponential times of rate w (Luce 1959;
Yellott 1977), which is what the marginals of later positions are integrated over.

All functions take log-weights float64[n, V] and eligibility bool[n, V]; rankings are int16[n, K], −1 for a position that
stays empty because too few variants are eligible.
"""

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

LogWeights = npt.NDArray[np.float64]
Eligible = npt.NDArray[np.bool_]
Ranking = npt.NDArray[np.int16]
Probabilities = npt.NDArray[np.float64]

SPREAD = 200.0  # log-weights further below the best are raised to it: e^-200 is never drawn, and never underflows
_STEP = 0.3  # of the trapezoid rule in log time; the error falls as e^(−π²/step)
_EARLIEST, _LATEST = 1e-5, 40.0  # in units of 1/total weight and 1/own weight: what lies outside is below 1e-14

_jit = nb.njit(cache=True, nogil=True, error_model="numpy")


def weights_of(log_weights: LogWeights, eligible: Eligible) -> npt.NDArray[np.float64]:
    """Weights scaled so that a row's largest is 1; 0 exactly for ineligible variants. ValueError if a log-weight is not finite."""
    if not np.isfinite(log_weights[eligible]).all():
        raise ValueError("a score is not finite")
    safe = np.where(eligible, log_weights, -np.inf)
    top = safe.max(axis=1, initial=-np.inf, keepdims=True)
    shifted = np.maximum(np.where(eligible, log_weights - np.where(np.isfinite(top), top, 0.0), 0.0), -SPREAD)
    return np.where(eligible, np.exp(shifted), 0.0)


def draw(weights: npt.NDArray[np.float64], uniforms: npt.NDArray[np.float64], positions: int) -> Ranking:
    """One ranking per row from uniforms in (0, 1), float64[n, V]: variants in the order of their arrival times."""
    arrival = np.full(weights.shape, np.inf)
    np.divide(-np.log(uniforms), weights, out=arrival, where=weights > 0)
    return _earliest(arrival, positions)


@_jit
def _earliest(arrival: npt.NDArray[np.float64], positions: int) -> Ranking:
    n, variants = arrival.shape
    out = np.full((n, positions), -1, np.int16)
    for row in range(n):
        for k in range(min(positions, variants)):
            best, at = np.inf, -1
            for v in range(variants):
                if arrival[row, v] < best:
                    best, at = arrival[row, v], v
            if at < 0:
                break
            out[row, k] = at
            arrival[row, at] = np.inf
    return out


@_jit
def prefix_probabilities(weights: npt.NDArray[np.float64], ranking: Ranking) -> Probabilities:
    """Joint probability of the positions up to and including each, float64[n, K]; 1 beyond the last filled one is never read."""
    n, positions = ranking.shape
    out = np.ones((n, positions))
    left = np.empty(weights.shape[1])
    for row in range(n):
        left[:] = weights[row]
        joint = 1.0
        for k in range(positions):
            at = ranking[row, k]
            if at < 0:
                break
            joint *= left[at] / left.sum()
            out[row, k] = joint
            left[at] = 0.0
    return out


@_jit
def marginal(weights: npt.NDArray[np.float64], at: int, position: int) -> Any:
    """Probability that variant `at` takes the position (0, 1, …) in one row of weights: closed form for the first two."""
    if weights[at] <= 0.0:
        return 0.0
    if position == 0:
        return weights[at] / weights.sum()
    return _second(weights, at) if position == 1 else _later(weights, at, position)


@_jit
def _second(weights: npt.NDArray[np.float64], at: int) -> Any:
    """Σ over first variants j of P(j first) · w / (total − w_j). The remainder is summed afresh where subtraction would cancel."""
    total = weights.sum()
    out = 0.0
    for j in range(len(weights)):
        if j == at or weights[j] <= 0.0:
            continue
        rest = total - weights[j]
        if weights[j] > 0.5 * total:
            rest = 0.0
            for v in range(len(weights)):
                rest += weights[v] if v != j else 0.0
        out += weights[j] / total * weights[at] / rest
    return out


@_jit
def _later(weights: npt.NDArray[np.float64], at: int, position: int) -> Any:
    """∫ w e^(−wt) P(exactly `position` of the others arrived before t) dt by the trapezoid rule in log t.

    The number of arrivals is Poisson-binomial, by dynamic programming; the step is fixed, so the nodes follow the range.
    """
    w = weights[at]
    low, high = np.log(_EARLIEST / weights.sum()), np.log(_LATEST / w)
    nodes = int(np.ceil((high - low) / _STEP)) + 1
    step = (high - low) / (nodes - 1)
    arrived = np.empty(position + 1)
    out = 0.0
    for node in range(nodes):
        t = np.exp(low + node * step)
        arrived[:] = 0.0
        arrived[0] = 1.0
        for v in range(len(weights)):
            if v == at or weights[v] <= 0.0:
                continue
            late = np.exp(-weights[v] * t)
            early = -np.expm1(-weights[v] * t)
            for r in range(position, 0, -1):
                arrived[r] = arrived[r] * late + arrived[r - 1] * early
            arrived[0] *= late
        out += w * t * np.exp(-w * t) * arrived[position]
    return out * step


@_jit
def marginal_probabilities(weights: npt.NDArray[np.float64], ranking: Ranking) -> Probabilities:
    """Item-position marginals of the variants of a ranking, float64[n, K]; 1 where a position is empty."""
    n, positions = ranking.shape
    out = np.ones((n, positions))
    for row in range(n):
        for k in range(positions):
            if ranking[row, k] >= 0:
                out[row, k] = marginal(weights[row], ranking[row, k], k)
    return out


@_jit
def all_marginals(weights: npt.NDArray[np.float64], positions: int) -> npt.NDArray[np.float64]:
    """Item-position marginals of every variant, float64[n, V, K]: a position's sum to 1 where enough variants are eligible."""
    n, variants = weights.shape
    out = np.zeros((n, variants, positions))
    for row in range(n):
        eligible = 0
        for v in range(variants):
            eligible += weights[row, v] > 0.0
        for v in range(variants):
            for k in range(min(positions, eligible)):
                out[row, v, k] = marginal(weights[row], v, k)
    return out
