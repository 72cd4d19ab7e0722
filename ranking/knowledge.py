"""Everything history says about the rows of a spine, before any fitted parameter is applied to it."""

from dataclasses import dataclass
from datetime import datetime

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd

from ranking import point_in_time
from ranking.engagement import EngagementCounts, dense
from ranking.point_in_time import Spine
from ranking.segments import Behaviour
from ranking.specification import FeatureSpec, VariantFacts, variant_key


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Of n rows: counts per category, days idle float64[n], context (device, channel), behaviour float64[n, B], and recent
    items as pairs of row and item."""

    engagement: EngagementCounts
    idle_days: npt.NDArray[np.float64]
    context: pd.DataFrame
    behaviour: Behaviour
    item_rows: npt.NDArray[np.int64]
    items: npt.NDArray[np.object_]


def look_up(connection: duckdb.DuckDBPyConnection, spine: Spine, spec: FeatureSpec, categories: tuple[str, ...]) -> Knowledge:
    """What had been received of each recipient before the row's as_of."""
    engagement = dense(point_in_time.engagement(connection, spine, spec.engagement_window), categories, len(spine))
    item_rows, items = point_in_time.recent_items(connection, spine, spec.purchase_window, spec.recent_items)
    return Knowledge(
        engagement,
        point_in_time.idle_days(connection, spine, spec.purchase_window),
        point_in_time.last_context(connection, spine, spec.purchase_window),
        np.hstack(
            [
                engagement.clicks.sum(axis=1, keepdims=True),
                point_in_time.purchase_counts(connection, spine, spec.purchase_window),
                point_in_time.action_counts(connection, spine, spec.behaviour_window),
            ]
        ),
        item_rows,
        items,
    )


_SHOWN_VARIANTS = """
SELECT placement, variant, max_by(coalesce(category, ''), (epoch_us(decided_at), decision_id)) AS category, min(decided_at) AS first_at
FROM decisions WHERE received_at < $as_of GROUP BY placement, variant ORDER BY placement, variant
"""


def shown_variants(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> tuple[tuple[VariantFacts, ...], dict[str, datetime]]:
    """Variants that history shows, with their latest category, and when each was first shown."""
    rows = connection.sql(_SHOWN_VARIANTS, params={"as_of": as_of}).fetchall()
    first_seen = {variant_key(placement, variant): first_at for placement, variant, _, first_at in rows}
    return tuple(VariantFacts(placement, variant, category) for placement, variant, category, _ in rows), first_seen


_BASKETS = """
SELECT recipient_id, item, max_by(category, (epoch_us(occurred_at), purchase_id)) AS category, count(*) AS times
FROM purchases WHERE received_at < $as_of AND occurred_at >= $since AND item IS NOT NULL
GROUP BY recipient_id, item ORDER BY recipient_id, item
"""


def baskets(connection: duckdb.DuckDBPyConnection, as_of: datetime, spec: FeatureSpec) -> pd.DataFrame:
    """Who bought what how often before as_of: `recipient_id, item, category, times`."""
    parameters = {"as_of": as_of, "since": as_of - spec.purchase_window}
    found: pd.DataFrame = connection.sql(_BASKETS, params=parameters).to_arrow_table().to_pandas()
    return found
