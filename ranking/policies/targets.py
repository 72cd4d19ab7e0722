"""Target policies: what another policy would have shown, as probabilities of what was shown."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ranking.policies import propensities
from ranking.policies.slates import Doubles, Slates


@dataclass(frozen=True, slots=True)
class Target:
    """A policy on logged slates: its probability of the shown variant at its position, and jointly up to it, float64[n, K];
    `direct` float64[n, K] is the reward that a reward model expects of it per position (zeros without one)."""

    name: str
    marginal: Doubles
    prefix: Doubles
    direct: Doubles


@dataclass(frozen=True, slots=True)
class RewardModel:
    """What is expected of showing a variant: `rate` float64[n, V] at position 1 (zeros without a model), θ float64[K] by position."""

    rate: Doubles
    theta: Doubles


@dataclass(frozen=True, slots=True)
class TargetPolicy:
    """A policy before it is laid on a log: `preference` float64[n, V] is followed strictly, or `drawn` from as log-weights."""

    name: str
    preference: Doubles
    drawn: bool

    def on(self, slates: Slates, reward: RewardModel) -> Target:
        """Its probabilities of what was shown."""
        return (stochastic if self.drawn else deterministic)(self.name, slates, self.preference, reward)


def stochastic(name: str, slates: Slates, log_weights: Doubles, reward: RewardModel) -> Target:
    """Plackett–Luce over log-weights float64[n, V]. Slates that it treats alike are computed once."""
    weights = propensities.weights_of(log_weights, slates.candidate)
    distinct, row = np.unique(weights, axis=0, return_inverse=True)
    every, row = propensities.all_marginals(distinct, slates.positions), row.ravel()
    shown = every[row[:, None], np.maximum(slates.item, 0), np.arange(slates.positions)]
    prefix = propensities.prefix_probabilities(weights, slates.item.astype(np.int16))
    direct = np.stack([(every[row, :, k] * reward.rate).sum(axis=1) for k in range(slates.positions)], axis=1)
    return Target(name, shown * slates.filled, prefix * slates.filled, direct * reward.theta * slates.filled)


def deterministic(name: str, slates: Slates, preference: Doubles, reward: RewardModel) -> Target:
    """Shows candidates by falling preference [n, V]; ties go to the variant first in order."""
    order = np.argsort(-np.where(slates.candidate, preference, -np.inf), axis=1, kind="stable")[:, : slates.positions]
    offered = np.take_along_axis(slates.candidate, order, axis=1)
    match = (slates.item[:, : order.shape[1]] == order) & offered
    marginal = np.zeros(slates.item.shape)
    marginal[:, : order.shape[1]] = match
    direct: Doubles = np.zeros(slates.item.shape)
    direct[:, : order.shape[1]] = np.take_along_axis(reward.rate, order, axis=1) * offered
    direct *= reward.theta * slates.filled
    return Target(name, marginal, np.cumprod(marginal, axis=1, dtype=np.float64), direct)


def popularity(slates: Slates, theta: Doubles, rows: npt.NDArray[np.bool_]) -> Doubles:
    """Each variant's rate at position 1 for an average recipient, float64[V], by inverse propensity on `rows`; −1 if never shown."""
    weight = (rows[:, None] & slates.filled) / slates.propensity
    item = np.maximum(slates.item, 0).ravel()
    earned = np.bincount(item, (weight * slates.reward).ravel(), minlength=len(slates.variants))
    shown = np.bincount(item, (weight * theta).ravel(), minlength=len(slates.variants))
    return np.where(shown > 0, earned / np.maximum(shown, 1e-12), -1.0)


def first_then(variants: Sequence[str], first: Sequence[str], rates: Doubles) -> Doubles:
    """A preference float64[V]: the named variants in their order, then the others by their rates."""
    preference = rates.astype(np.float64).copy()
    for rank, name in enumerate(first):
        if name in variants:
            preference[list(variants).index(name)] = 1e9 - rank
    return preference
