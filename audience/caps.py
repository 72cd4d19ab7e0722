"""Frequency caps: who has already been written to often enough.

A cap's window is `per_days` whole UTC days, the day of `as_of` included. Counting in days rather than to the second lets
a weekly send pass a cap of one per seven days although last week's letters left some minutes after its instant.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pandas as pd

from domain.campaign import Cap


def window_start(cap: Cap, as_of: datetime) -> datetime:
    """The first instant (UTC midnight) at which a hand-off counts towards the cap."""
    today = as_of.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=cap.per_days - 1)


def earliest_window(caps: Sequence[Cap], as_of: datetime) -> datetime | None:
    """From when on hand-offs must be known to apply all caps; None without caps."""
    return min((window_start(cap, as_of) for cap in caps), default=None)


def capped(recipient_ids: "pd.Series[str]", handed_off: pd.DataFrame, caps: Sequence[Cap], as_of: datetime) -> "pd.Series[bool]":
    """Which recipients have reached one of the caps: aligned with `recipient_ids`.

    `handed_off`: recipient_id, answered_at (aware), one row per message that was handed off, of all campaigns. Only what
    was answered by `as_of` counts, so that working a send off again finds the same recipients.
    """
    reached = pd.Series(data=False, index=recipient_ids.index)
    if not caps or handed_off.empty:
        return reached
    known = handed_off[handed_off["answered_at"] <= as_of]
    for cap in caps:
        in_window = known.loc[known["answered_at"] >= window_start(cap, as_of), "recipient_id"]
        messages = in_window.value_counts()
        reached |= recipient_ids.isin(messages.index[messages >= cap.messages])
    return reached
