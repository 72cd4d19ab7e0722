"""Pricing a send: gather everyone's choice sets of the placements that hold a limited variant, then find the prices."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.content import Content
from domain.hashing import Keys
from domain.ids import PlacementId, SendId
from ranking.deciding.choice_sets import ChoiceSet, ChoiceSets, temperature_of
from ranking.deciding.prices import Audience, Prices, find_prices
from ranking.model import RankingModel

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PricedVariant:
    """One limited variant of a send: its price in log-weights, and how many recipients are expected to get it, give or take `deviation`."""

    placement: str
    variant: str
    limit_per_send: int
    price: float
    expected: float
    deviation: float


@dataclass(frozen=True, slots=True)
class SendPrices:
    """The prices of a send. `unmet` says of each limit that no price meets why."""

    variants: tuple[PricedVariant, ...]
    unmet: tuple[str, ...]


def limited_placements(content: Content) -> tuple[PlacementId, ...]:
    """The placements that hold a variant with a limit."""
    limited = {v.placement for v in content.variants if v.limit_per_send is not None}
    return tuple(p.placement for p in content.campaign.placements if p.placement in limited)


@dataclass(frozen=True, slots=True)
class _Part:
    """A shard's recipients of one placement."""

    keys: Keys
    one: ChoiceSet
    exploring: Mask
    holdout: Mask


class Pricing:
    """Gathers an audience shard by shard: about 5 bytes per recipient and candidate of the placements with limits."""

    def __init__(self, content: Content, model: RankingModel | None) -> None:
        self._content, self._temperature = content, temperature_of(content.campaign.policy, model)
        self._parts: dict[PlacementId, list[_Part]] = {placement: [] for placement in limited_placements(content)}

    def add(self, keys: Keys, sets: ChoiceSets, *, exploring: Mask, holdout: Mask, model: RankingModel | None = None) -> None:
        """Take in the recipients of a shard: hash keys uint64[n], choice sets, and who explores or is held out.

        `model`: the one that decides for them, where it is another than the send's; rates count in the temperature of the latter.
        """
        scale = self._temperature / temperature_of(self._content.campaign.policy, model) if model else 1.0
        for placement, parts in self._parts.items():
            one = sets.of(placement)
            scaled = one if scale == 1.0 else replace(one, log_rates=one.log_rates * np.float32(scale))
            parts.append(_Part(keys, scaled, exploring, holdout))

    def found(self, send_id: SendId) -> SendPrices:
        """The prices over everyone that was added."""
        priced, unmet = list[PricedVariant](), list[str]()
        for placement, parts in self._parts.items():
            limits = limits_of(self._content, placement)
            names = [v.variant for v in self._content.of(placement)]
            found = find_prices(_audience(parts, self._temperature), limits, send_id=send_id, placement=placement, variants=names)
            priced += [_priced(placement, names[v], float(limits[v]), found, v) for v in np.flatnonzero(np.isfinite(limits)).tolist()]
            unmet += [f"{placement}/{names[one.variant]}: {one.reason}" for one in found.unmet]
        return SendPrices(tuple(priced), tuple(unmet))


def limits_of(content: Content, placement: PlacementId) -> npt.NDArray[np.float64]:
    """The limits of a placement's variants, float64[V], in the order of `content.of`; inf for none."""
    return np.array([v.limit_per_send or np.inf for v in content.of(placement)], dtype=np.float64)


def _priced(placement: str, variant: str, limit: float, found: Prices, v: int) -> PricedVariant:
    return PricedVariant(placement, variant, int(limit), *(float(column[v]) for column in (found.price, found.expected, found.deviation)))


def _audience(parts: list[_Part], temperature: float) -> Audience:
    first = parts[0].one
    return Audience(
        keys=np.concatenate([part.keys for part in parts]),
        log_rates=np.concatenate([part.one.log_rates for part in parts]),
        eligible=np.concatenate([part.one.candidates.eligible for part in parts]),
        exploring=np.concatenate([part.exploring for part in parts]),
        holdout=np.concatenate([part.holdout for part in parts]),
        defaults=first.candidates.defaults,
        positions=first.placement.positions,
        temperature=temperature,
    )


def price_frame(prices: SendPrices) -> pd.DataFrame:
    """The prices as they are kept in the lake."""
    return pd.DataFrame([{name: getattr(one, name) for name in PricedVariant.__slots__} for one in prices.variants])


def prices_by_placement(kept: pd.DataFrame, content: Content) -> Mapping[PlacementId, npt.NDArray[np.float64]]:
    """Kept prices as float64[V] by placement, in the order of `content.of`; 0 for variants without a limit."""
    known = {(placement, variant): price for placement, variant, price in kept[["placement", "variant", "price"]].itertuples(index=False)}
    return {
        placement: np.array([known.get((placement, v.variant), 0.0) for v in content.of(placement)], dtype=np.float64)
        for placement in limited_placements(content)
    }
