"""What recipients were shown before an instant, added up by DuckDB: one row per recipient and variant, however long the history.

Only what had been received before the instant counts. Decisions of every source are exposures, our own as well as imported ones.
A message is a send: all decisions of one recipient with the same `send_id`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

HORIZON = timedelta(days=365)  # how far back messages are looked for: what is older no longer counts

_EXPOSURES = """
WITH shown AS NOT MATERIALIZED (
    SELECT recipient_id, send_id, placement, variant, category, decided_at FROM asked JOIN decisions USING (recipient_id)
    WHERE received_at < $as_of AND decided_at >= $since AND list_contains($placements, placement)
), latest AS (
    SELECT recipient_id, send_id, max(decided_at) AS sent_at FROM shown WHERE decided_at >= $oldest GROUP BY recipient_id, send_id
    QUALIFY row_number() OVER (PARTITION BY recipient_id ORDER BY sent_at DESC, send_id DESC) <= $messages
)
SELECT recipient_id, placement, variant, coalesce(category, '') AS category,
       count(*) FILTER (decided_at >= from_day) AS within_days, count(latest.send_id) FILTER (decided_at >= $oldest) AS within_messages
FROM shown LEFT JOIN windows USING (placement, variant) LEFT JOIN latest USING (recipient_id, send_id)
GROUP BY ALL HAVING within_days > 0 OR within_messages > 0
ORDER BY ALL
"""


@dataclass(frozen=True, slots=True)
class Windows:
    """How far back to look: per (placement, variant) so many days, none for variants that are not named; and the last so many
    messages that showed something in `placements`, none of them older than `horizon`. Nothing is looked for in other placements."""

    days: Mapping[tuple[str, str], timedelta]
    placements: tuple[str, ...]
    messages: int
    horizon: timedelta = HORIZON

    @property
    def longest(self) -> timedelta:
        """How far back anything is looked for."""
        return max([*self.days.values(), *([self.horizon] if self.messages else [])], default=timedelta(0))

    def starts(self, as_of: datetime) -> pa.Table:
        """Arrow: placement, variant, from_day."""
        keys = sorted(self.days)
        columns: dict[str, pa.Array[Any]] = {
            "placement": pa.array([placement for placement, _ in keys], pa.string()),
            "variant": pa.array([variant for _, variant in keys], pa.string()),
            "from_day": pa.array([as_of - self.days[key] for key in keys], pa.timestamp("us", tz="UTC")),
        }
        return pa.table(columns)


def exposures(
    connection: duckdb.DuckDBPyConnection, recipients: Sequence[str] | pd.Series, as_of: datetime, windows: Windows
) -> pd.DataFrame:
    """Frame of recipient_id, placement, variant, category ("" if unknown), within_days, within_messages for distinct recipients.

    `within_days`: how often it was shown in the variant's days before as_of; `within_messages`: in the recipient's last messages. What
    was shown in neither has no row. `connection` as `history.opened` gives it.
    """
    connection.register("asked", pa.table([pa.array(recipients, pa.string(), from_pandas=True)], names=["recipient_id"]))
    connection.register("windows", windows.starts(as_of))
    bounds = {"as_of": as_of, "since": as_of - windows.longest, "oldest": as_of - windows.horizon}
    asked: dict[str, object] = {**bounds, "placements": list(windows.placements), "messages": windows.messages}
    found: pd.DataFrame = connection.sql(_EXPOSURES, params=asked).to_arrow_table().to_pandas()
    return found


def aligned(exposures: pd.DataFrame, recipients: pd.Series) -> pd.DataFrame:
    """The exposures of these recipients, with `row`: the place of each among them."""
    row = pd.Index(recipients).get_indexer(pd.Index(exposures["recipient_id"]))
    found: pd.DataFrame = exposures.assign(row=row)[row >= 0].reset_index(drop=True)
    return found
