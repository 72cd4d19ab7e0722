"""`session_context`: local hour and weekday of an instant in the recipient's own time zone.

The instant is that of deciding, in training as in serving: when a letter will be opened is not known when it is printed.
"""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt
import pandas as pd

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def local_times(as_of: pd.Series, time_zone: pd.Series) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Hour [0, 24) with its fraction and weekday code (0 is Monday), float32[n] each; NaN for an unknown time zone."""
    hour, weekday = np.full(len(as_of), np.nan, np.float32), np.full(len(as_of), np.nan, np.float32)
    instants = pd.DatetimeIndex(as_of)
    for zone, rows in pd.Series(np.arange(len(as_of))).groupby(time_zone.to_numpy(dtype=object), sort=True):
        at = rows.to_numpy()
        if (known := _zone(str(zone))) is not None:
            local = instants[at].tz_convert(known)
            hour[at], weekday[at] = local.hour + local.minute / 60, local.weekday
    return hour, weekday


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
