"""Small frames that several tests of storage start from."""

from datetime import UTC, datetime
from typing import Any

import pandas as pd


def recipients_frame(*ids: str, **columns: list[object]) -> pd.DataFrame:
    """Recipients of these ids with everyday values; further columns replace them."""
    created = pd.Series([datetime(2026, 1, 1, tzinfo=UTC)] * len(ids), dtype="datetime64[us, UTC]")
    everyday = pd.DataFrame({"recipient_id": list(ids), "address": [f"{who}@example.org" for who in ids], "created_at": created})
    further: dict[str, Any] = {"time_zone": "UTC", "locale": "en", "consent": True, "attributes": "{}"}
    return everyday.assign(**further | columns)
