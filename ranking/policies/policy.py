"""The policy: Plackett–Luce over predicted rates at a temperature, mixed with recipients who get a uniform ranking.

Its noise is a function of send, recipient, placement and variant alone, so a ranking does not depend on the shard, the
order of the list, the other variants' noise, or the time. Logged probabilities are those of the mixture over arms:
(1 − ε) · policy + ε · uniform, whichever arm a recipient is in. Prices (`prices.py`) are taken off the log-weights of both parts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.hashing import Keys, key_of, mix_many
from domain.ids import SendId, digest
from ranking.policies import propensities
from ranking.policies.propensities import Eligible, Probabilities, Ranking


@dataclass(frozen=True, slots=True)
class Choices:
    """For n recipients and K positions: variants by index (−1: empty), item-position marginals, and joint probabilities of
    the positions up to each. `candidates` int16[n] is how many variants were eligible."""

    ranking: Ranking
    propensity: Probabilities
    prefix_propensity: Probabilities
    candidates: npt.NDArray[np.int16]


def noise(keys: Keys, send_id: SendId, placement: str, variants: Sequence[str]) -> npt.NDArray[np.float64]:
    """Uniforms in (0, 1), float64[n, V]: 52 bits and a half, so that neither 0 nor 1 can come (log would be infinite)."""
    columns = [mix_many(keys, key_of(digest("rank", send_id, placement, variant))) >> np.uint64(12) for variant in variants]
    return (np.stack(columns, axis=1).astype(np.float64) + 0.5) * 2.0**-52


def choose(
    log_rates: npt.NDArray[np.floating],
    eligible: Eligible,
    uniforms: npt.NDArray[np.float64],
    exploring: npt.NDArray[np.bool_],
    *,
    temperature: float,
    explore: float,
    positions: int,
    prices: npt.NDArray[np.float64] | None = None,
) -> Choices:
    """Rank for every row; rows that are `exploring` rank uniformly. `log_rates` [n, V] are finite where eligible; `prices` float64[V]."""
    price = np.zeros(log_rates.shape[1]) if prices is None else prices
    modelled = propensities.weights_of(log_rates.astype(np.float64) / temperature - price, eligible)
    uniform = propensities.weights_of(np.broadcast_to(-price, eligible.shape), eligible) if price.any() else eligible.astype(np.float64)
    ranking = propensities.draw(np.where(exploring[:, None], uniform, modelled), uniforms, positions)
    explored = propensities.marginal_probabilities(uniform, ranking) if price.any() else _uniform_marginals(eligible, positions)
    return Choices(
        ranking,
        _mixed(propensities.marginal_probabilities(modelled, ranking), explored, explore),
        _mixed(propensities.prefix_probabilities(modelled, ranking), propensities.prefix_probabilities(uniform, ranking), explore),
        eligible.sum(axis=1).astype(np.int16),
    )


def _mixed(modelled: Probabilities, uniform: Probabilities, explore: float) -> Probabilities:
    return (1 - explore) * modelled + explore * uniform


def _uniform_marginals(eligible: Eligible, positions: int) -> Probabilities:
    """1 / eligible variants at every position."""
    share = 1 / np.maximum(eligible.sum(axis=1), 1)
    return np.repeat(share[:, None], positions, axis=1)
