"""The split into training, validation and held-out rows.

By time where there is time: the latest share of decisions is held out, as the future would be. When all decisions
share one day there is no later week, and recipients are held out by hash instead; the model card says which.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.hashing import keys_of, uniforms

Mask = npt.NDArray[np.bool_]

_LEAST_TRAINING = 0.5


class SplitBy(StrEnum):
    """What tells held-out rows from the others."""

    TIME = "time"
    RECIPIENT = "recipient"


@dataclass(frozen=True, slots=True)
class Split:
    """A rule, not a list: it can say of any decision whether the model has seen it. Shares are of recipients' hashes."""

    by: SplitBy
    held_out_from: datetime | None
    held_out_share: float
    validation_share: float
    until: datetime
    seed: int

    def held_out(self, recipient_id: pd.Series, decided_at: pd.Series) -> Mask:
        """Rows kept from training, validation and fitting."""
        if self.by is SplitBy.TIME:
            return (decided_at >= self.held_out_from).to_numpy(dtype=bool)
        return self._drawn(recipient_id, "held-out", self.held_out_share)

    def validation(self, recipient_id: pd.Series, decided_at: pd.Series) -> Mask:
        """Rows that stop the training early: a hashed share of recipients among those not held out."""
        return ~self.held_out(recipient_id, decided_at) & self._drawn(recipient_id, "validation", self.validation_share)

    def seen(self, recipient_id: pd.Series, decided_at: pd.Series) -> Mask:
        """Rows the trees or their stopping were made from (if they were among the rows trained on at all)."""
        return ~self.held_out(recipient_id, decided_at) & (decided_at < self.until).to_numpy(dtype=bool)

    def _drawn(self, recipient_id: pd.Series, salt: str, share: float) -> Mask:
        return np.asarray(uniforms(keys_of(recipient_id), f"{salt}-{self.seed}") < share)


def choose_split(decided_at: pd.Series, until: datetime, *, held_out: float, validation: float, seed: int) -> Split:
    """By time if decisions were taken on more than one day and a cut leaves at least half for training; else by recipient."""
    cut = _cut(decided_at, held_out)
    by = SplitBy.RECIPIENT if cut is None else SplitBy.TIME
    return Split(by, cut, held_out, validation, until, seed)


def _cut(decided_at: pd.Series, held_out: float) -> datetime | None:
    at = decided_at.sort_values().reset_index(drop=True)
    if at.iloc[-1] - at.iloc[0] < timedelta(days=1):
        return None
    instant = at.iloc[int((1 - held_out) * len(at))]
    if (at < instant).mean() < _LEAST_TRAINING:  # one big send straddles the cut: hold out what came after it
        later = at[at > instant]
        instant = later.iloc[0] if len(later) else instant
    share = (at >= instant).mean()
    return instant.to_pydatetime() if held_out / 4 <= share <= 1 - _LEAST_TRAINING else None
