"""Clearing: the lowest prices at which the demand for each limited variant stays within what can be planned for.

The number drawn is random: a plan leaves room for chance, so that a limit is exceeded in about one send in 700 (RISK).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammainccinv, ndtr

from ranking.deciding.demand import Bools, Crowd, Demand, Doubles, demand

SIGMAS = 3.0
RISK = float(ndtr(-SIGMAS))  # that more are drawn than the limit says

_STEPS, _STEP = 100, 1 / 8  # of Newton's method: how many, and how long at most, as a share of the highest price
_CLOSE, _MET = 1e-5, 1e-4  # of demand to the plan: when to stop, and what counts as within it
_DIGITS = 6  # of a price: what is written down is what is used
_TURNS = 8  # of looking at the plan again
_WORTHWHILE = 1.01  # how much larger a plan has to be to be worth a turn
_NOTHING = 1e-300


@dataclass(frozen=True, slots=True)
class Cleared:
    """Of L limited variants: prices ≥ 0 in log-weights, what was planned for, float64[L], demand at these prices, and whether it exceeds
    the plan even so, bool[L]."""

    price: Doubles
    planned: Doubles
    demand: Demand
    is_unmet: Bools


def clear(crowd: Crowd, room: Doubles, highest: float) -> Cleared:
    """`room` float64[L]: how many more recipients may get each variant; below 0 nothing can be done. No price is above `highest`.

    The first plan is the safest. How much less the numbers vary than Poisson's is known at its prices only: then it may be raised once,
    and is lowered for as long as it proves too bold.
    """
    hopeless = room < 0
    price = np.zeros(crowd.eligible.shape[1])
    price[crowd.limited[hopeless]] = highest
    planned = _poisson(room)
    found = _settle(crowd, price, planned, hopeless, highest)
    for turn in range(_TURNS):
        safe, expected = _safe(found, room), found.expected
        is_bold = (expected > safe * (1 + _MET)) & (expected <= planned * (1 + _MET))
        is_timid = (turn == 0) & (price[crowd.limited] > 0) & (safe > planned * _WORTHWHILE)
        if not (is_bold | is_timid).any():
            break
        planned = np.where(is_bold | is_timid, safe, planned)
        found = _settle(crowd, price, planned, hopeless, highest)
    return Cleared(price[crowd.limited], planned, found, hopeless | (found.expected > planned * (1 + _MET)))


def _poisson(room: Doubles) -> Doubles:
    """The mean at which a Poisson number exceeds `room` with probability RISK. Sums of independent draws have lighter tails (Anderson and
    Samuels 1967)."""
    return np.asarray(gammainccinv(np.floor(np.maximum(room, 0.0)) + 1, 1 - RISK))


def _safe(found: Demand, room: Doubles) -> Doubles:
    """The mean at which a number that varies as found exceeds `room` with probability RISK, float64[L].

    The larger of a Poisson number's, less the error of the expectation, and a normal number's with the variance of both, corrected for
    skewness of at most a Poisson number's (Cornish and Fisher 1938).
    """
    poisson = _poisson(room) - SIGMAS * np.sqrt(found.error)
    normal = np.floor(room) + 0.5 - SIGMAS * np.sqrt(found.spread + found.error) - (SIGMAS**2 - 1) / 6
    return np.asarray(np.maximum(np.maximum(poisson, normal), RISK))


def _settle(crowd: Crowd, price: Doubles, planned: Doubles, hopeless: Bools, highest: float) -> Demand:
    """Move prices float64[V], in place, until each is 0 or its demand as planned, and return the demand.

    Newton's method on log demand, in which prices act nearly linearly; a step that turns back is at most half as long as the one before,
    for demand of strict policies falls in stairs.
    """
    most, before = np.full(len(planned), _STEP * highest), np.zeros(len(planned))
    for _ in range(_STEPS):
        found: Demand = demand(crowd, price)
        own = price[crowd.limited]
        excess = np.log(np.maximum(found.expected, _NOTHING)) - np.log(planned)
        moving = ~hopeless & ((own > 0) | (excess > 0)) & ~((own >= highest) & (excess > 0))
        if (np.abs(excess[moving]) <= _CLOSE).all():
            return found
        most = np.where(excess * before < 0, most / 2, np.minimum(2 * most, _STEP * highest))
        step = np.clip(_newton(found, excess, moving), -most[moving], most[moving])
        price[crowd.limited[moving]] = np.round(np.clip(own[moving] + step, 0.0, highest), _DIGITS)
        before = excess
    return Demand(*demand(crowd, price))


def _newton(found: Demand, excess: Doubles, moving: Bools) -> Doubles:
    slope = found.slope[np.ix_(moving, moving)] / np.maximum(found.expected[moving], _NOTHING)[:, None]
    return np.asarray(np.linalg.lstsq(slope - 1e-9 * np.eye(len(slope)), -excess[moving], rcond=None)[0])
