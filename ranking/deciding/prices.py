"""Prices: limits on how many recipients a send shows a variant to, met over the whole audience and not by who comes first.

A limited variant's price is taken off its log-weight for everyone, so it goes to those who gain most from it. Prices are found on
the whole audience before anything is decided, from noise of their own: given the prices, the propensities of decisions are
exact. Explorers pay as well: their ranking is Plackett–Luce with weights e^−price, so what is logged is
(1 − ε) · PL(w · e^−price) + ε · PL(e^−price). A price is 0 where the limit does not bind.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.hashing import Keys, key_of
from domain.ids import SendId, digest
from ranking.deciding.clearing import clear
from ranking.deciding.demand import Bools, Crowd, Doubles, Ints
from ranking.policies.propensities import Eligible

_BEYOND = 60.0  # in log-weights: that much below everything else, a variant is never drawn where there is anything else
_DRAWS = 200_000  # races to estimate demand from, at least, in a small audience …
_REPLICATES = (2, 64)  # … and how many per recipient, at least and at most


@dataclass(frozen=True, slots=True)
class Audience:
    """Everyone a placement is decided for: n recipients, V variants, K positions.

    `log_rates` [n, V] are finite where `eligible`; `exploring` and `holdout` bool[n]. The holdout, and positions that no candidate is left
    for, get the `defaults` (indices).
    """

    keys: Keys
    log_rates: npt.NDArray[np.floating[Any]]
    eligible: Eligible
    exploring: Bools
    holdout: Bools
    defaults: npt.NDArray[np.integer[Any]]
    positions: int
    temperature: float


@dataclass(frozen=True, slots=True)
class Unmet:
    """A limit that no price meets: `planned` recipients (what leaves room for chance) could get the variant, and `expected` would.

    `holdout` of them get it by the default slate, `no_other` for lack of other candidates, `fills` because the default slate fills
    what stays empty. `short` recipients have fewer candidates without a limit than positions.
    """

    variant: int
    limit: float
    planned: float
    expected: float
    holdout: int
    no_other: int
    fills: int
    short: int

    @property
    def reason(self) -> str:
        """For people; begins in lower case."""
        told = (
            ("no other candidate for a position", self.no_other),
            ("in the holdout, whose default slate it is in", self.holdout),
            ("empty positions, which the default slate fills with it", self.fills),
            ("fewer candidates without a limit than positions", self.short),
        )
        plan = f" ({self.planned:,.0f} can be planned for, as what is drawn varies)" if self.expected <= self.limit else ""
        because = "; ".join(f"{why}: {count:,}" for why, count in told if count)
        return f"limit {self.limit:,.0f}{plan}, but about {self.expected:,.0f} recipients would get it at the highest price ({because})"


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices float64[V] ≥ 0, in log-weights. For limited variants the expected number of recipients and the standard deviation of the
    number drawn around it, float64[V]; NaN for the others. `unmet`: limits that no price meets."""

    price: Doubles
    expected: Doubles
    deviation: Doubles
    unmet: tuple[Unmet, ...]


def find_prices(audience: Audience, limit: Doubles, *, send_id: SendId, placement: str, variants: Sequence[str]) -> Prices:
    """The prices at which each variant's number stays within `limit` float64[V] (inf: none). The same whatever the order of recipients.

    ValueError for a limit that is not above 0.
    """
    if not (limit > 0).all():
        raise ValueError("a limit must be above 0; take a variant that nobody may see out of the candidates")
    limited = np.flatnonzero(np.isfinite(limit))
    unconditional = _Unconditional.of(audience, limited)
    crowd = _crowd(audience, limited, _salts(audience, send_id, placement, variants))
    found = clear(crowd, limit[limited] - unconditional.total, _highest(audience))
    price, expected, deviation = np.zeros(len(limit)), np.full(len(limit), np.nan), np.full(len(limit), np.nan)
    price[limited] = found.price
    expected[limited] = found.demand.expected + unconditional.total
    deviation[limited] = np.sqrt(found.demand.spread + found.demand.error)
    planned, short = found.planned + unconditional.total, _short(audience, limited)
    unmet = [
        Unmet(v, float(limit[v]), float(planned[i]), float(expected[v]), *unconditional.counts(i), short)
        for i, v in enumerate(limited.tolist())
        if found.is_unmet[i]
    ]
    return Prices(price, expected, deviation, tuple(unmet))


@dataclass(frozen=True, slots=True)
class _Unconditional:
    """Recipients who get each limited variant at any price, int64[L]."""

    holdout: Ints
    no_other: Ints
    fills: Ints

    @classmethod
    def of(cls, audience: Audience, limited: Ints) -> "_Unconditional":
        slate = audience.defaults[: audience.positions]
        candidates = audience.eligible.sum(axis=1)
        short = np.flatnonzero((candidates <= audience.positions) & ~audience.holdout)
        eligible = audience.eligible[short]
        spare = np.zeros(eligible.shape, bool)
        gaps = audience.positions - candidates[short]
        for default in slate:
            spare[:, default] = ~eligible[:, default] & (gaps > 0)
            gaps = gaps - spare[:, default]
        holdout = np.isin(limited, slate) * int(audience.holdout.sum())
        return cls(holdout, eligible[:, limited].sum(axis=0), spare[:, limited].sum(axis=0))

    @property
    def total(self) -> Ints:
        return np.asarray(self.holdout + self.no_other + self.fills)

    def counts(self, i: int) -> tuple[int, int, int]:
        return int(self.holdout[i]), int(self.no_other[i]), int(self.fills[i])


def _highest(audience: Audience) -> float:
    """A price at which a variant is drawn only by those who have nothing else: it leaves even a row's best far below its worst."""
    least, most = (
        pick(audience.log_rates, where=audience.eligible, initial=start) for pick, start in ((np.min, np.inf), (np.max, -np.inf))
    )
    return max(float(most) - float(least), 0.0) / audience.temperature + _BEYOND


def _crowd(audience: Audience, limited: Ints, salts: npt.NDArray[np.uint64]) -> Crowd:
    """Those who draw, in the order of their keys: sums of floats depend on their order."""
    order = np.argsort(audience.keys, kind="stable")
    return Crowd(
        order[~audience.holdout[order]],
        audience.log_rates,
        audience.temperature,
        audience.eligible,
        audience.exploring,
        audience.keys,
        salts,
        audience.positions,
        limited,
    )


def _salts(audience: Audience, send_id: SendId, placement: str, variants: Sequence[str]) -> npt.NDArray[np.uint64]:
    """Of pricing noise, uint64[R, V]; one replicate, unused, for a single position."""
    few, many = _REPLICATES
    replicates = 1 if audience.positions == 1 else int(np.clip(_DRAWS // max(len(audience.keys), 1), few, many))
    names = [[digest("price", send_id, placement, variant, str(r)) for variant in variants] for r in range(replicates)]
    return np.array([[key_of(name) for name in row] for row in names], dtype=np.uint64).reshape(replicates, len(variants))


def _short(audience: Audience, limited: Ints) -> int:
    """Recipients with fewer candidates without a limit than positions."""
    free = np.ones(audience.eligible.shape[1], bool)
    free[limited] = False
    return int(((audience.eligible[:, free].sum(axis=1) < audience.positions) & ~audience.holdout).sum())
