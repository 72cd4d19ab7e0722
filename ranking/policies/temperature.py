"""The temperature of the policy: as strict as pays, and as loose as learning needs.

A policy that nearly always takes what the model likes best earns the most today and writes a log from which nothing else can be
judged. So the warmest temperature is chosen that held-out decisions cannot tell from the best one, and that gives up no more than 2 %
of its value as far as they can tell, among those that keep an effective sample: the share 1 / E[Σ_v u_v² / p_v] of its log that remains
for judging the uniform policy u, where p are the exact item-position marginals of the policy mixed with its share of uniform rankings
(Kish's effective sample size under weights u / p).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import reduce

import numpy as np
import numpy.typing as npt

from ranking.policies import propensities
from ranking.policies.estimators import Estimate, Interval, Support, self_normalised, support
from ranking.policies.slates import Slates

Doubles = npt.NDArray[np.float64]

GRID = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0, 1.25, 1.5, 2.0)

# How much is looked at per placement and temperature: marginals of variants for the effective sample, of decisions for the value.
_MARGINALS, _DECISIONS = 20_000, 100_000
_GIVEN_UP = 0.02  # with few held-out decisions much more than that would not be distinguishable either


class Basis(StrEnum):
    """What a temperature was chosen by."""

    VALUE = "held-out value"
    SAMPLE = "effective sample alone"
    NEITHER = "no temperature keeps the effective sample"
    CAMPAIGN = "the campaign's own choice"


@dataclass(frozen=True, slots=True)
class Scored:
    """Held-out slates of one placement and a model's log-rates for them, float64[n, V]. Propensities are NaN where unknown."""

    slates: Slates
    log_rates: Doubles

    def some(self, most: int) -> "Scored":
        """So many slates at most, at even distances."""
        if len(self.slates) <= most:
            return self
        rows = np.linspace(0, len(self.slates) - 1, max(most, 1)).astype(np.int64)
        return Scored(self.slates.take(rows), self.log_rates[rows])


@dataclass(frozen=True, slots=True)
class Trial:
    """A temperature: the share of its log that remains as effective sample, and its value per letter, None if the log does not
    bear an estimate."""

    temperature: float
    effective_sample: float
    value: Interval | None


@dataclass(frozen=True, slots=True)
class Tempering:
    """The temperature chosen under a share of uniform rankings and a set effective sample; `trials` are all that were considered."""

    temperature: float
    explore: float
    effective_sample: float
    basis: Basis
    trials: tuple[Trial, ...]


def choose_temperature(
    parts: Sequence[Scored], *, recipients: int, explore: float, effective_sample: float, grid: Sequence[float] = GRID
) -> Tempering:
    """The warmest temperature of the grid whose value is not distinguishably below the best, and by 2 % at most, among those that keep
    the share.

    Values are self-normalised item-position estimates of the mixture, per letter, over all placements. Where the log bears none of
    them: the coolest that keeps the share; where none keeps it: the warmest there is. `recipients` number the slates of all parts.
    """
    letters = max((len(part.slates) for part in parts), default=0)
    judged = [(len(part.slates) / letters, part.some(_DECISIONS // part.slates.positions)) for part in parts]
    shares = {t: effective_share(parts, t, explore) for t in sorted(grid)}
    values = {t: _value(judged, t, explore, recipients) for t in shares}
    trials = tuple(Trial(t, share, _interval(values[t])) for t, share in shares.items())
    kept = [t for t, share in shares.items() if share >= effective_sample]
    told = {t: value for t in kept if (value := values[t]) is not None}
    if told:
        return Tempering(_warmest_of_the_best(told), explore, effective_sample, Basis.VALUE, trials)
    temperature, basis = (kept[0], Basis.SAMPLE) if kept else (max(shares), Basis.NEITHER)
    return Tempering(temperature, explore, effective_sample, basis, trials)


def _warmest_of_the_best(values: dict[float, Estimate]) -> float:
    best = max(values.values(), key=lambda value: value.value)
    return max(t for t, value in values.items() if best.minus(value).interval.low <= 0 and value.value >= (1 - _GIVEN_UP) * best.value)


def effective_share(parts: Sequence[Scored], temperature: float, explore: float) -> float:
    """Least over placements and positions, in (0, 1]; 1 if there is nothing to choose from."""
    return min((float(_shares(part, temperature, explore).min()) for part in parts), default=1.0)


def _shares(part: Scored, temperature: float, explore: float) -> Doubles:
    """1 / E[Σ u² / p] by position, float64[K]."""
    positions = part.slates.positions
    part = part.some(_MARGINALS // (positions * len(part.slates.variants)))
    candidate = part.slates.candidate
    every = propensities.all_marginals(propensities.weights_of(part.log_rates / temperature, candidate), positions)
    uniform = (candidate / candidate.sum(axis=1, keepdims=True))[:, :, None]
    mixed = (1 - explore) * every + explore * uniform
    filled = candidate.sum(axis=1)[:, None] > np.arange(positions)
    with np.errstate(divide="ignore"):  # a marginal of 0 leaves nothing
        needed = np.divide(uniform**2, mixed, out=np.zeros_like(mixed), where=candidate[:, :, None]).sum(axis=1)
    mean = (needed * filled).sum(axis=0) / np.maximum(filled.sum(axis=0), 1)
    return np.asarray(1 / np.maximum(mean, 1.0))


def _value(parts: Sequence[tuple[float, Scored]], temperature: float, explore: float, recipients: int) -> Estimate | None:
    """The mixture's value per letter, of parts with how many of their slates there are per letter; None where a log does not bear it."""
    found = [(share, *_of_placement(part, temperature, explore, recipients)) for share, part in parts]
    if not found or any(support.reasons for _, _, support in found):
        return None
    return reduce(Estimate.plus, (estimate.scaled(share) for share, estimate, _ in found))


def _of_placement(part: Scored, temperature: float, explore: float, recipients: int) -> tuple[Estimate, Support]:
    slates = part.slates
    known = replace(slates, propensity=np.nan_to_num(slates.propensity, nan=np.inf))  # unknown weighs nothing, so supports nothing
    weights = propensities.weights_of(part.log_rates / temperature, slates.candidate)
    shown = propensities.marginal_probabilities(weights, slates.item.astype(np.int16))
    uniform = 1 / np.maximum(slates.candidate.sum(axis=1, keepdims=True), 1)
    ratio = ((1 - explore) * shown + explore * uniform) * slates.filled / known.propensity
    return self_normalised(ratio, known, recipients), support(ratio, known)


def _interval(value: Estimate | None) -> Interval | None:
    return value.interval if value else None


def notes(tempering: Tempering) -> Iterator[str]:
    """What a reader of the card must know of the choice."""
    share = f"{tempering.effective_sample:.0%} of the log as effective sample"
    if tempering.basis is Basis.SAMPLE:
        yield f"Too little held-out evidence on temperatures: {tempering.temperature:g} is the coolest that keeps {share}."
    elif tempering.basis is Basis.NEITHER:
        yield f"No temperature up to {tempering.temperature:g} keeps {share}; the warmest was taken."
