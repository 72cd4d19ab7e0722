"""Examination: the chance that a position is looked at at all, relative to the first, harvested from our own log.

Neighbouring positions are compared on what both show (Agarwal et al., WSDM 2019): θ_k+1 / θ_k is the ratio, between the two, of
Σ w · outcome / Σ w · expected, with w = h / q. q is the logged marginal, whose inverse makes both show the same mix; h is the harmonic
mean of how often the two positions show decisions of this kind, which leaves aside what one of them hardly ever shows and keeps the
variance low; `expected` is a relevance model's rate at position 1. Both h and `expected` come from models that have not seen the recipient.
Where q is on record neither has to be right; where it is not, `expected` has to take out what the logger preferred.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from ranking.specification import PRIOR_EXAMINATION

Doubles = npt.NDArray[np.float64]

FEWEST_OUTCOMES = 30  # at a position, for its θ to be estimated
_ENOUGH_OUTCOMES = 100  # with known propensities at every position, for decisions without them to be left out
_KINDS = 20
_Z = 1.959964


class Source(StrEnum):
    """Where θ comes from."""

    SINGLE = "one position"
    PRIOR = "prior from another click log"
    HARVESTED = "harvested from this log"
    SEEN = "every position is known to have been seen"


class PositionTraining(StrEnum):
    """How position entered the training of a forest."""

    OFFSET = "position as offset"
    NAIVE = "position ignored"


@dataclass(frozen=True, slots=True)
class Examination:
    """θ by position, the first 1; `low` and `high` are 95 % limits (equal to θ where it is not estimated)."""

    theta: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    source: Source


@dataclass(frozen=True, slots=True)
class Exposures:
    """n decisions: outcome, position (1, 2, …), logged marginal (NaN: unknown), expected rate at position 1, a score by which decisions
    of a kind stand together, such as the expected position, and a number per recipient."""

    label: Doubles
    position: npt.NDArray[np.int64]
    propensity: Doubles
    expected: Doubles
    leaning: Doubles
    recipient: npt.NDArray[np.int64]

    def part(self, mask: npt.NDArray[np.bool_]) -> "Exposures":
        """The decisions of the mask."""
        return Exposures(*(getattr(self, name)[mask] for name in self.__slots__))


def prior_examination(positions: int) -> Examination:
    """The prior for so many positions; beyond its length the last one stays."""
    theta = tuple(PRIOR_EXAMINATION[min(k, len(PRIOR_EXAMINATION) - 1)] for k in range(positions))
    return Examination(theta, theta, theta, Source.SINGLE if positions == 1 else Source.PRIOR)


def seen_examination(positions: int) -> Examination:
    """Of decisions whose positions all came into view: θ is 1 throughout, and is not estimated."""
    theta = (1.0,) * positions
    return Examination(theta, theta, theta, Source.SEEN)


def inverse_propensities(propensity: Doubles) -> Doubles:
    """1 / q, of any shape, truncated so that none of n exceeds the share 1 / √n of their sum (Ionides, JCGS 2008): what that costs in
    bias vanishes as the log grows. Where q is unknown (NaN) the mean of the others; 1 if none is known."""
    known = propensity[~np.isnan(propensity)]
    if not len(known):
        return np.ones_like(propensity)
    inverse = 1 / np.maximum(known, np.finfo(np.float64).tiny)
    most = _largest(inverse)
    filled = np.where(np.isnan(propensity), 1 / np.minimum(inverse, most).mean(), propensity)
    return np.asarray(np.minimum(1 / np.maximum(filled, np.finfo(np.float64).tiny), most))


def _largest(weight: Doubles) -> float:
    """The level t with Σ min(w, t) = √n · t, or the largest of n weights if it is below: with j weights above it, t is the sum of the
    others over √n − j."""
    root, ordered = np.sqrt(len(weight)), np.sort(weight)
    above = np.arange(int(np.ceil(root)))
    level = np.cumsum(ordered)[::-1][above] / (root - above)
    return float(level[np.argmax(ordered[::-1][above] <= level)])


def harvest(exposures: Exposures, positions: int) -> Examination:
    """θ per position with 95 % limits, clustered by recipient. Positions with few outcomes follow the prior's step from the one before.

    Where enough decisions have a known propensity, the others are left out: what they add in number they lack in certainty.
    """
    exposures = _dependable(exposures, positions)
    prior = prior_examination(positions)
    enough = _outcomes(exposures, positions) >= FEWEST_OUTCOMES
    if positions == 1 or not enough[:2].all():
        return prior
    kinds = _kinds(exposures.leaning)
    log, influence = 0.0, np.zeros(int(exposures.recipient.max()) + 1)
    found = [(1.0, 1.0, 1.0)]
    for k in range(1, positions):
        step = _step(exposures, kinds, k) if enough[k - 1 : k + 1].all() else None
        log += step[0] if step else float(np.log(prior.theta[k] / prior.theta[k - 1]))
        influence = influence + step[1] if step else influence
        error = _Z * float(np.sqrt((influence**2).sum())) if step else 0.0
        found.append((float(np.exp(log)), float(np.exp(log - error)), float(np.exp(log + error))))
    theta, low, high = zip(*found, strict=True)
    return Examination(theta, low, high, Source.HARVESTED)


def _dependable(exposures: Exposures, positions: int) -> Exposures:
    known = exposures.part(~np.isnan(exposures.propensity))
    return known if _outcomes(known, positions).min() >= _ENOUGH_OUTCOMES else exposures


def _outcomes(exposures: Exposures, positions: int) -> npt.NDArray[np.int64]:
    """How many decisions of each position had one, int64[positions]."""
    return np.bincount(exposures.position[exposures.label > 0] - 1, minlength=positions)


def _kinds(leaning: Doubles) -> npt.NDArray[np.int64]:
    """Decisions in equal parts by their score, int64[n]."""
    edges = np.unique(np.quantile(leaning, np.linspace(0, 1, _KINDS + 1)[1:-1]))
    return np.searchsorted(edges, leaning)


def _step(exposures: Exposures, kinds: npt.NDArray[np.int64], position: int) -> tuple[float, Doubles] | None:
    """Log of θ at the next position over θ at this one, and each recipient's influence on it, float64[recipients]; None where no
    outcome came of what both show."""
    here, there = (exposures.position == at for at in (position, position + 1))
    shown = [np.bincount(kinds[at], minlength=_KINDS) / np.bincount(kinds, minlength=_KINDS).clip(1) for at in (here, there)]
    shared = np.divide(shown[0] * shown[1], shown[0] + shown[1], out=np.zeros(_KINDS), where=shown[0] + shown[1] > 0)
    sides = [_ratio(exposures.part(at), shared[kinds[at]], exposures) for at in (here, there)]
    if sides[0] is None or sides[1] is None:
        return None
    return sides[1][0] - sides[0][0], sides[1][1] - sides[0][1]


def _ratio(shown: Exposures, shared: Doubles, every: Exposures) -> tuple[float, Doubles] | None:
    """Log of observed over expected outcomes at a position, and each recipient's influence on it."""
    weight = inverse_propensities(shown.propensity) * shared
    observed, expected = weight * shown.label, weight * shown.expected
    if observed.sum() <= 0:
        return None
    ratio = observed.sum() / expected.sum()
    influence = (observed - ratio * expected) / observed.sum()
    by_recipient = np.bincount(shown.recipient, influence, minlength=int(every.recipient.max()) + 1)
    return float(np.log(ratio)), by_recipient.astype(np.float64)
