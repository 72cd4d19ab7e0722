"""Visitors: for whom a refresh decides, the most recently active first, within its budget.

Consent and suppressions are about letters, and say nothing of the site; who does not want to be recognised there is not imported, or
erased. Ties of activity are broken by a hash of the recipient, never by the order of a list.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from audience.expressions import Expression, evaluate
from audience.selection import AUDIENCE_COLUMNS
from domain.hashing import Keys

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Found:
    """The visitors among some candidates: a frame of AUDIENCE columns and `active_at`; for how many of them the expression holds."""

    visitors: pd.DataFrame
    candidates: int
    matched: int

    @property
    def inactive(self) -> int:
        """Those for whom the expression holds, and who have done nothing for long."""
        return self.matched - len(self.visitors)


def find_visitors(candidates: pd.DataFrame, active: pd.DataFrame, *, expression: Expression, as_of: datetime) -> Found:
    """Those of the candidates (expanded recipients) for whom the expression holds and who are active.

    `active`: recipient_id, active_at, of at least all active ones among the candidates. Arms and exclusions are still empty.
    """
    matched = candidates[evaluate([expression], candidates, as_of)[:, 0]]
    empty = pd.Series(np.nan, index=matched.index).astype("str")
    known = matched.assign(exclusion=empty, arm=empty)[list(AUDIENCE_COLUMNS)].merge(active, on="recipient_id")
    return Found(known.sort_values("recipient_id", ignore_index=True), len(candidates), len(matched))


@dataclass(frozen=True, slots=True)
class Lines:
    """The last visitor of each tier: active_at (µs since 1970, UTC) and hash key. int64[T], uint64[T]; none at all without visitors."""

    active_us: Ints
    key: Keys

    def tiers_of(self, active_us: Ints, keys: Keys) -> Ints:
        """The tier of each visitor, int64[n]; as many as there are lines: beyond the budget."""
        after = (active_us[:, None] < self.active_us) | ((active_us[:, None] == self.active_us) & (keys[:, None] > self.key))
        return np.asarray(after.sum(axis=1), dtype=np.int64)


def draw_lines(active_us: Ints, keys: Keys, *, budget: int, tiers: int) -> Lines:
    """Lines that admit the `budget` most recently active of n visitors, in tiers of (almost) equal size; a line may stand for two tiers."""
    kept = min(len(active_us), budget)
    if not kept:
        return Lines(np.empty(0, np.int64), np.empty(0, np.uint64))
    order = np.lexsort((keys, -active_us))
    last = order[[max(0, kept * (tier + 1) // tiers - 1) for tier in range(tiers)]]
    return Lines(active_us[last], keys[last])
