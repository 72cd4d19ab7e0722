"""Candidates of a placement: which variants may be chosen for whom, and what everyone can fall back on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from domain.campaign import Placement
from domain.content import Content
from domain.ids import PlacementId
from ranking.policies.propensities import Eligible, Ranking
from ranking.specification import VariantFacts, facts_of


@dataclass(frozen=True, slots=True)
class Candidates:
    """The variants of a placement in the content's order, eligibility bool[n, V] including their time windows, and the
    default slate as indices into them."""

    placement: Placement
    variants: tuple[VariantFacts, ...]
    eligible: Eligible
    defaults: npt.NDArray[np.int16]

    def default_rankings(self, n: int) -> Ranking:
        """The default slate for everyone, int16[n, K]; −1 where it is shorter than the placement."""
        slate = np.full(self.placement.positions, -1, dtype=np.int16)
        filled = self.defaults[: self.placement.positions]
        slate[: len(filled)] = filled
        return np.repeat(slate[None, :], n, axis=0)


def candidates_of(content: Content, placement: Placement, eligible: Mapping[PlacementId, Eligible], as_of: datetime) -> Candidates:
    """Eligible are variants whose expression admits the recipient and whose time window holds `as_of`."""
    variants = content.of(placement.placement)
    live = np.array([v.live_at(as_of) for v in variants], dtype=bool)
    at = {v.variant: place for place, v in enumerate(variants)}
    defaults = np.array([at[v] for v in content.default_slate(placement.placement)], dtype=np.int16)
    return Candidates(placement, tuple(map(facts_of, variants)), eligible[placement.placement] & live, defaults)
