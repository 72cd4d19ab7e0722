"""Worlds in which the true value of any ranking policy is known exactly, and logs of them.

Recipients are of finitely many types, each with a rate per variant; a recipient's own liveliness multiplies all rates and stays with
them over their letters. Clicks follow the position (a position is examined with chance θ whatever stands above) or a cascade (reading
goes on with one chance after a click, with another after none). The value of a policy is a sum over types, livelinesses
and all rankings: no simulation, no error.
"""

from dataclasses import dataclass
from enum import StrEnum
from itertools import permutations

import numpy as np
import numpy.typing as npt
import pandas as pd

from ranking.policies import propensities
from ranking.policies.policy import choose
from ranking.policies.slates import Slates

Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

TYPES, VARIANTS, POSITIONS, SENDS = 64, 6, 3, 2
THETA = np.array([1.0, 0.6, 0.4])
LIVELINESS = np.array([0.4, 1.6])  # of half of the recipients each
RANKINGS = np.array(list(permutations(range(VARIANTS), POSITIONS)))
_GOES_ON_AFTER_NONE, _GOES_ON_AFTER_CLICK = 0.85, 0.1


class Clicks(StrEnum):
    """How what stands above matters."""

    BY_POSITION = "by position"
    CASCADE = "cascade"


@dataclass(frozen=True, slots=True)
class Setting:
    """What makes a world hard: typical rate at position 1; how sharply the logger follows its scores and what share of recipients it
    explores with; σ of log-normal amounts per click (0: a click counts 1; amounts have mean 1, so values are the same)."""

    clicks: Clicks = Clicks.BY_POSITION
    rate: float = 0.06
    sharpness: float = 1.0
    explore: float = 0.1
    amounts: float = 0.0


SETTINGS = {
    "clicks": Setting(),
    "rare clicks, sharp logger": Setting(rate=0.01, sharpness=2.5, explore=0.05),
    "amounts": Setting(amounts=1.2),
}
CASCADE = Setting(Clicks.CASCADE, rate=0.25)


@dataclass(frozen=True, slots=True)
class World:
    """True rates at position 1 and the logging policy's and the model's log-rates, all float64[types, variants]."""

    setting: Setting
    rates: Doubles
    logging: Doubles
    model: Doubles

    def value(self, preference: Doubles, *, drawn: bool, explore: float = 0.0) -> float:
        """Clicks per slate of a policy that gives each type the preference float64[types, variants]: exact."""
        found = _drawn(preference) if drawn else _strict(preference)
        chances = (1 - explore) * found + explore / len(RANKINGS)
        return float((chances * self._clicks_per_ranking()).sum(axis=1).mean())

    def _clicks_per_ranking(self) -> Doubles:
        """float64[types, rankings], the mean over livelinesses."""
        rate = self.rates[:, RANKINGS][..., None] * LIVELINESS  # types, rankings, positions, livelinesses
        seen = np.broadcast_to(THETA[:, None], rate.shape) if self.setting.clicks is Clicks.BY_POSITION else _reached(rate)
        return np.asarray((seen * rate).sum(axis=2).mean(axis=2))


def _reached(rate: Doubles) -> Doubles:
    """The chance that a cascade's reader reaches each position."""
    goes_on = (1 - rate) * _GOES_ON_AFTER_NONE + rate * _GOES_ON_AFTER_CLICK
    before = np.ones_like(rate)
    before[:, :, 1:] = np.cumprod(goes_on, axis=2)[:, :, :-1]
    return before


def _drawn(log_weights: Doubles) -> Doubles:
    """The chance of each ranking, float64[types, rankings]."""
    weights = propensities.weights_of(log_weights, np.ones(log_weights.shape, bool))
    found = [propensities.prefix_probabilities(weights, np.tile(r.astype(np.int16), (len(weights), 1)))[:, -1] for r in RANKINGS]
    return np.stack(found, axis=1)


def _strict(preference: Doubles) -> Doubles:
    order = np.argsort(-preference, axis=1, kind="stable")[:, :POSITIONS]
    return np.asarray((RANKINGS[None] == order[:, None]).all(axis=2), dtype=np.float64)


def make_world(setting: Setting, seed: int) -> World:
    """The logger knows half of the truth; the model knows most of it, and both err in ways of their own."""
    rng = np.random.default_rng(seed)
    shape = (TYPES, VARIANTS)
    taste = 0.3 * rng.normal(size=VARIANTS) + 0.5 * rng.normal(size=shape)
    rates = np.minimum(setting.rate * np.exp(taste), 1 / LIVELINESS.max())
    logging = setting.sharpness * (0.5 * taste + 0.3 * rng.normal(size=shape))
    return World(setting, rates, logging, 0.9 * taste + np.log(0.9 * setting.rate) + 0.2 * rng.normal(size=shape))


@dataclass(frozen=True, slots=True)
class Log:
    """Slates of a world with the type of each one's recipient, int64[n]."""

    slates: Slates
    kind: Integers


def make_log(world: World, recipients: int, seed: int) -> Log:
    """What the logging policy showed so many recipients in each of SENDS letters, and what they clicked."""
    rng = np.random.default_rng(seed)
    kind, lively = rng.integers(0, TYPES, recipients), rng.choice(LIVELINESS, recipients)
    recipient = np.repeat(np.arange(recipients), SENDS)
    kind, lively = kind[recipient], lively[recipient]
    n = len(recipient)
    shape = (n, VARIANTS)
    exploring = rng.random(n) < world.setting.explore
    everything, noise = np.ones(shape, bool), rng.uniform(1e-12, 1, shape)
    explore = world.setting.explore
    chosen = choose(world.logging[kind], everything, noise, exploring, temperature=1.0, explore=explore, positions=POSITIONS)
    item = chosen.ranking.astype(np.int64)
    reward = _clicked(world, np.take_along_axis(world.rates[kind], item, axis=1) * lively[:, None], rng) * _amounts(world, item.shape, rng)
    ids = np.array([f"r{at}" for at in range(recipients)], dtype=object)[recipient]
    names = tuple(f"v{at}" for at in range(VARIANTS))
    instants = pd.Series(pd.Timestamp("2026-01-01", tz="UTC")).repeat(n).reset_index(drop=True)
    return Log(
        Slates("hero", names, names, ids, recipient, instants, item, reward, chosen.propensity, chosen.prefix_propensity, everything), kind
    )


def _amounts(world: World, shape: tuple[int, ...], rng: np.random.Generator) -> Doubles:
    sigma = world.setting.amounts
    return np.asarray(np.exp(sigma * rng.normal(size=shape) - sigma**2 / 2))


def _clicked(world: World, rate: Doubles, rng: np.random.Generator) -> Doubles:
    """0 or 1 per position, float64[n, K]."""
    pleases = rng.random(rate.shape) < rate
    if world.setting.clicks is Clicks.BY_POSITION:
        return np.asarray(pleases & (rng.random(rate.shape) < THETA), dtype=np.float64)
    goes_on = rng.random(rate.shape) < np.where(pleases, _GOES_ON_AFTER_CLICK, _GOES_ON_AFTER_NONE)
    reads = np.ones(rate.shape, bool)
    reads[:, 1:] = np.cumprod(goes_on, axis=1)[:, :-1].astype(bool)
    return np.asarray(pleases & reads, dtype=np.float64)
