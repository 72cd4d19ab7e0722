"""`category_interest`: what share of a person's acts on the site is about a category, the latest counting most.

Acts are views, searches, things put into the cart, and purchases, wherever their category is one that variants have. All count alike
when they happen, and half as much a half-life later. With m_k of such acts about category k and m about any, the share is
(m_k + s · p_k) / (m + s): p_k is the share among all people, fitted once and stored with the model, and s what that is worth in acts.
A shop sees far more of these acts than clicks in letters, so that they tell tastes earliest and most exactly (docs/adr/0017).
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from ranking.features.spine import MICROSECOND, Ints, Rows
from ranking.features.tallies import DAY, Codes, fade

_ONE_ACT = 4_096  # an act of today: sums of integers do not depend on the order of facts
_WORTH_OF_ALL = 2.0  # acts

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Interests:
    """Faded acts of n rows by category, `faded` int32[n, K] in 4,096ths of an act; `worth` int32[days] is what one is worth by age."""

    faded: Codes
    window: timedelta
    worth: Codes

    @classmethod
    def none(cls, n: int, categories: int, window: timedelta, half_life: timedelta) -> "Interests":
        """Before any act is added."""
        days = np.arange(window // MICROSECOND // DAY + 1)
        worth = np.round(_ONE_ACT * np.exp2(-days / (half_life / timedelta(days=1)))).astype(np.int32)
        return cls(np.zeros((n, categories), np.int32), window, worth)

    def add(self, who: Codes, received: Ints, occurred: Ints, category: Codes, rows: Rows) -> None:
        """Count these acts for the rows that knew of them; those of category −1 are about none."""
        fade(who, received, occurred, self.window // MICROSECOND, category, rows, self.worth, self.faded)

    @property
    def acts(self) -> npt.NDArray[np.float64]:
        """Faded acts, float64[n, K]."""
        return self.faded / _ONE_ACT


def usual_interests(known: Interests) -> tuple[float, ...]:
    """Each category's share among all people; 0 throughout where nobody did anything."""
    total = known.acts.sum(axis=0)
    return tuple((total / total.sum()).tolist()) if total.sum() > 0 else (0.0,) * len(total)


def interest_shares(known: Interests, usual: tuple[float, ...]) -> Floats:
    """Shares float32[n, K]; NaN for categories that nobody did anything about when the usual shares were fitted."""
    share = np.asarray(usual, dtype=np.float64)
    acts = known.acts
    found = (acts + _WORTH_OF_ALL * share) / (acts.sum(axis=1, keepdims=True) + _WORTH_OF_ALL)
    return np.where(share > 0, found, np.nan).astype(np.float32)
