"""What was known of each recipient at an instant: aggregates over history, one SQL statement each.

The spine has one row per (recipient, as_of). A fact counts for a row only if it was *received* before the row's
as_of, whatever instant it is about (DESIGN §6.2). Training has many as_of, serving one: it is the same statement,
joined by recipient and filtered by time, and the bounds of all as_of are pushed down into the scan of the lake.
Instants are compared as whole microseconds. Sums are of integers, so that threads cannot change them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from domain.event import EventKind, OutcomeKind

# What a person did. Opens are left out: about half of them are made by machines (FACTS §9).
HUMAN = (EventKind.CLICKED, EventKind.PAGE_VIEWED, EventKind.SEARCHED, EventKind.ADDED_TO_CART, EventKind.PURCHASED)

Counts = npt.NDArray[np.int64]

_SPINE_COLUMNS: Mapping[str, pa.DataType] = {"row": pa.int64(), "recipient_id": pa.string(), "as_of_us": pa.int64()}
_SPINE = pa.schema(_SPINE_COLUMNS)


@dataclass(frozen=True, slots=True)
class Spine:
    """Rows for which something is to be known: recipient and as_of (µs since 1970, UTC)."""

    recipient_id: npt.NDArray[np.object_]
    as_of_us: Counts

    def __len__(self) -> int:
        return len(self.recipient_id)

    def table(self) -> pa.Table:
        """Arrow: row, recipient_id, as_of_us."""
        frame = pd.DataFrame({"row": np.arange(len(self)), "recipient_id": self.recipient_id, "as_of_us": self.as_of_us})
        return pa.Table.from_pandas(frame, schema=_SPINE, preserve_index=False)

    def bounds(self, window: timedelta) -> dict[str, object]:
        """Parameters of every statement: the window, and the instants outside which no row can look."""
        first, last = (int(self.as_of_us.min()), int(self.as_of_us.max())) if len(self) else (0, 0)
        span = int(window / timedelta(microseconds=1))
        return {"window": span, "since": _instant(first - span), "until": _instant(last)}


def spine_of(frame: pd.DataFrame) -> Spine:
    """The spine of a frame with `recipient_id` and `as_of` (aware)."""
    as_of = pd.to_datetime(frame["as_of"], utc=True).dt.as_unit("us")
    return Spine(frame["recipient_id"].to_numpy(dtype=object), as_of.to_numpy(dtype="datetime64[us]").astype(np.int64))


def _instant(us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)


@dataclass(frozen=True, slots=True)
class Engagement:
    """Per (row, category): decisions shown within the window, and how many of them were clicked."""

    row: Counts
    category: npt.NDArray[np.object_]
    shown: Counts
    clicks: Counts


_ENGAGEMENT = """
WITH shown AS (
    SELECT recipient_id, decision_id, category, epoch_us(decided_at) AS decided_us, epoch_us(received_at) AS received_us
    FROM decisions WHERE decided_at >= $since AND received_at < $until AND category IS NOT NULL
), clicked AS (
    SELECT decision_id, min(epoch_us(received_at)) AS clicked_us
    FROM outcomes WHERE kind = 'click' AND received_at < $until AND received_at >= $since GROUP BY decision_id
)
SELECT row, category, count(*) AS shown, count(*) FILTER (clicked_us < as_of_us) AS clicks
FROM spine JOIN shown USING (recipient_id) LEFT JOIN clicked USING (decision_id)
WHERE received_us < as_of_us AND decided_us >= as_of_us - $window
GROUP BY row, category ORDER BY row, category
"""


def engagement(connection: duckdb.DuckDBPyConnection, spine: Spine, window: timedelta) -> Engagement:
    """Clicks per decision shown in the window before as_of, by category."""
    found = _run(connection, spine, _ENGAGEMENT, spine.bounds(window))
    return Engagement(_ints(found, "row"), _words(found, "category"), _ints(found, "shown"), _ints(found, "clicks"))


_LAST_ENGAGED = """
WITH engaged AS (
    SELECT recipient_id, epoch_us(occurred_at) AS occurred_us, epoch_us(received_at) AS received_us
    FROM events WHERE list_contains($human, kind) AND received_at < $until AND occurred_at >= $since
    UNION ALL
    SELECT recipient_id, epoch_us(occurred_at), epoch_us(received_at)
    FROM outcomes WHERE list_contains($outcomes, kind) AND received_at < $until AND occurred_at >= $since
    UNION ALL
    SELECT recipient_id, epoch_us(occurred_at), epoch_us(received_at)
    FROM purchases WHERE received_at < $until AND occurred_at >= $since
)
SELECT row, max(occurred_us) AS last_us FROM spine JOIN engaged USING (recipient_id)
WHERE received_us < as_of_us AND occurred_us >= as_of_us - $window GROUP BY row ORDER BY row
"""


def idle_days(connection: duckdb.DuckDBPyConnection, spine: Spine, window: timedelta) -> npt.NDArray[np.float64]:
    """Days since the last human engagement, float64[n]; NaN where there was none within the window."""
    parameters = {**spine.bounds(window), "human": [*HUMAN], "outcomes": [OutcomeKind.CLICK, OutcomeKind.CONVERSION]}
    found = _run(connection, spine, _LAST_ENGAGED, parameters)
    days = np.full(len(spine), np.nan)
    rows = _ints(found, "row")
    days[rows] = np.maximum(spine.as_of_us[rows] - _ints(found, "last_us"), 0) / 86_400e6
    return days


_LAST_CONTEXT = """
WITH seen AS (
    SELECT recipient_id, device, coalesce(channel, source) AS channel, epoch_us(occurred_at) AS occurred_us,
           epoch_us(received_at) AS received_us, epoch_us(occurred_at) * 4096::HUGEINT + hash(event_id) % 4096 AS turn
    FROM events WHERE received_at < $until AND occurred_at >= $since AND list_contains($human, kind)
)
SELECT row, arg_max(device, turn) AS device, arg_max(channel, turn) AS channel
FROM spine JOIN seen USING (recipient_id)
WHERE received_us < as_of_us AND occurred_us >= as_of_us - $window GROUP BY row ORDER BY row
"""


def last_context(connection: duckdb.DuckDBPyConnection, spine: Spine, window: timedelta) -> pd.DataFrame:
    """Device and channel of the last human event on record: columns `device`, `channel`, one row per spine row, NA if unknown."""
    found = _run(connection, spine, _LAST_CONTEXT, {**spine.bounds(window), "human": [*HUMAN]})
    frame = pd.DataFrame({name: _words(found, name) for name in ("device", "channel")}, index=_ints(found, "row"))
    return frame.reindex(np.arange(len(spine)))


_RECENT_ITEMS = """
WITH bought AS (
    SELECT recipient_id, item, epoch_us(occurred_at) AS occurred_us, epoch_us(received_at) AS received_us
    FROM purchases WHERE received_at < $until AND occurred_at >= $since AND item IS NOT NULL
), latest AS (
    SELECT row, item, max(occurred_us) AS occurred_us FROM spine JOIN bought USING (recipient_id)
    WHERE received_us < as_of_us AND occurred_us >= as_of_us - $window GROUP BY row, item
)
SELECT row, item FROM latest
QUALIFY row_number() OVER (PARTITION BY row ORDER BY occurred_us DESC, item) <= $items ORDER BY row, item
"""


def recent_items(
    connection: duckdb.DuckDBPyConnection, spine: Spine, window: timedelta, items: int
) -> tuple[Counts, npt.NDArray[np.object_]]:
    """The last distinct items each recipient bought: rows and items, in the order of both."""
    found = _run(connection, spine, _RECENT_ITEMS, {**spine.bounds(window), "items": items})
    return _ints(found, "row"), _words(found, "item")


_PURCHASED = """
WITH bought AS (
    SELECT recipient_id, CAST(round(coalesce(amount, 0) * 100) AS BIGINT) AS cents, coalesce(item, '') AS item,
           epoch_us(occurred_at) AS occurred_us, epoch_us(received_at) AS received_us
    FROM purchases WHERE received_at < $until AND occurred_at >= $since
)
SELECT row, count(*) AS purchases, count(DISTINCT item) AS items, sum(cents)::BIGINT AS cents
FROM spine JOIN bought USING (recipient_id)
WHERE received_us < as_of_us AND occurred_us >= as_of_us - $window GROUP BY row ORDER BY row
"""

_ACTED = """
WITH acted AS (
    SELECT recipient_id, kind, epoch_us(occurred_at) AS occurred_us, epoch_us(received_at) AS received_us
    FROM events WHERE received_at < $until AND occurred_at >= $since AND list_contains($human, kind)
)
SELECT row, count(*) FILTER (kind = 'page_viewed') AS views, count(*) FILTER (kind = 'searched') AS searches,
       count(*) FILTER (kind = 'added_to_cart') AS carts, count(DISTINCT occurred_us // 86400000000) AS days
FROM spine JOIN acted USING (recipient_id)
WHERE received_us < as_of_us AND occurred_us >= as_of_us - $window GROUP BY row ORDER BY row
"""

PURCHASE_COUNTS = ("purchases", "items", "cents")
ACTION_COUNTS = ("views", "searches", "carts", "days")


def purchase_counts(connection: duckdb.DuckDBPyConnection, spine: Spine, window: timedelta) -> npt.NDArray[np.float64]:
    """Purchases, distinct items and cents spent in the window: float64[n, 3]."""
    return _dense(_run(connection, spine, _PURCHASED, spine.bounds(window)), PURCHASE_COUNTS, len(spine))


def action_counts(connection: duckdb.DuckDBPyConnection, spine: Spine, window: timedelta) -> npt.NDArray[np.float64]:
    """Page views, searches, carts and active days in the window: float64[n, 4]."""
    return _dense(_run(connection, spine, _ACTED, {**spine.bounds(window), "human": [*HUMAN]}), ACTION_COUNTS, len(spine))


def _run(connection: duckdb.DuckDBPyConnection, spine: Spine, sql: str, parameters: dict[str, object]) -> pa.Table:
    connection.register("spine", spine.table())
    found: pa.Table = connection.sql(sql, params=parameters).to_arrow_table()
    return found


def _ints(table: pa.Table, name: str) -> Counts:
    return np.asarray(table[name].to_numpy(), dtype=np.int64)


def _words(table: pa.Table, name: str) -> npt.NDArray[np.object_]:
    return np.asarray(table[name].to_numpy(zero_copy_only=False), dtype=object)


def _dense(table: pa.Table, names: tuple[str, ...], n: int) -> npt.NDArray[np.float64]:
    out = np.zeros((n, len(names)))
    rows = _ints(table, "row")
    for at, name in enumerate(names):
        out[rows, at] = table[name].to_numpy()
    return out
