"""Examination: the chance that a position is looked at at all, relative to the first, harvested from our own log.

θ_k ∝ Σ w · outcome / Σ w · expected over decisions at position k, where w is the inverse of the logged marginal (clipped) and `expected` a
relevance model's rate at position 1 that has not seen the recipient. Weights make positions show the same mix of recipients and
variants (Agarwal et al., WSDM 2019); the model takes out what clipping leaves in. Either of the two suffices.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from ranking.specification import PRIOR_EXAMINATION

Doubles = npt.NDArray[np.float64]

LARGEST_WEIGHT = 30.0
FEWEST_OUTCOMES = 30  # at a position, for its θ to be estimated
_Z = 1.959964


class Source(StrEnum):
    """Where θ comes from."""

    SINGLE = "one position"
    PRIOR = "prior from another click log"
    HARVESTED = "harvested from this log"


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
    """n decisions: outcome, position (1, 2, …), logged marginal (NaN: unknown), expected rate at position 1, and a number per recipient."""

    label: Doubles
    position: npt.NDArray[np.int64]
    propensity: Doubles
    expected: Doubles
    recipient: npt.NDArray[np.int64]

    def part(self, mask: npt.NDArray[np.bool_]) -> "Exposures":
        """The decisions of the mask."""
        return Exposures(self.label[mask], self.position[mask], self.propensity[mask], self.expected[mask], self.recipient[mask])


def prior_examination(positions: int) -> Examination:
    """The prior for so many positions; beyond its length the last one stays."""
    theta = tuple(PRIOR_EXAMINATION[min(k, len(PRIOR_EXAMINATION) - 1)] for k in range(positions))
    return Examination(theta, theta, theta, Source.SINGLE if positions == 1 else Source.PRIOR)


def inverse_propensities(propensity: Doubles) -> Doubles:
    """1 / q, clipped; 1 where q is unknown."""
    return np.where(np.isnan(propensity), 1.0, np.minimum(1 / np.maximum(propensity, 1e-12), LARGEST_WEIGHT))


def harvest(exposures: Exposures, positions: int) -> Examination:
    """θ per position with 95 % limits, clustered by recipient. Positions with few outcomes follow the prior's step from the one before."""
    prior = prior_examination(positions)
    outcomes = np.bincount(exposures.position - 1, exposures.label > 0, minlength=positions)
    if positions == 1 or outcomes[0] < FEWEST_OUTCOMES or outcomes[1] < FEWEST_OUTCOMES:
        return prior
    first = _ratio(exposures, 1)
    found = [(1.0, 1.0, 1.0)]
    for k in range(2, positions + 1):
        if outcomes[k - 1] < FEWEST_OUTCOMES:
            step = prior.theta[k - 1] / prior.theta[k - 2]
            found.append((found[-1][0] * step,) * 3)
            continue
        log, influence = _ratio(exposures, k)
        error = float(np.sqrt(((influence - first[1]) ** 2).sum()))
        found.append(tuple(float(np.exp(log - first[0] + sign * _Z * error)) for sign in (0, -1, 1)))  # type: ignore[arg-type]
    theta, low, high = zip(*found, strict=True)
    return Examination(theta, low, high, Source.HARVESTED)


def _ratio(exposures: Exposures, position: int) -> tuple[float, Doubles]:
    """Log of observed over expected at a position, and each recipient's influence on it, float64[recipients]."""
    at = exposures.position == position
    weight = inverse_propensities(exposures.propensity[at])
    observed, expected = weight * exposures.label[at], weight * exposures.expected[at]
    ratio = observed.sum() / expected.sum()
    influence = (observed - ratio * expected) / observed.sum()
    by_recipient = np.bincount(exposures.recipient[at], influence, minlength=int(exposures.recipient.max()) + 1)
    return float(np.log(ratio)), by_recipient.astype(np.float64)
