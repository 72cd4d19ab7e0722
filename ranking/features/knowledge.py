"""Everything history says about the rows of a spine, before any fitted parameter is applied to it."""

from dataclasses import dataclass
from datetime import datetime

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd

from ranking.features import point_in_time
from ranking.features.engagement import EngagementCounts
from ranking.features.interest import Interests
from ranking.features.point_in_time import Baskets, Words
from ranking.features.searches import NO_WORDS, SearchWords
from ranking.features.segment_points import Behaviour
from ranking.features.session_facts import session_facts
from ranking.features.sessions import Sessions, sessions_of
from ranking.features.spine import Ints, Spine
from ranking.features.tallies import DAY, NEVER
from ranking.specification import FeatureSpec, VariantFacts, variant_key


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Of n rows: counts and interests per category, days since the last human engagement float64[n] (NaN for none), device and channel
    of the last event that named one, behaviour float64[n, B], what was bought, and the session that is running."""

    engagement: EngagementCounts
    interests: Interests
    idle_days: npt.NDArray[np.float64]
    device: Words
    channel: Words
    behaviour: Behaviour
    baskets: Baskets
    sessions: Sessions


def look_up(
    connection: duckdb.DuckDBPyConnection, spine: Spine, spec: FeatureSpec, categories: tuple[str, ...], words: SearchWords = NO_WORDS
) -> Knowledge:
    """What had been received of each recipient before the row's as_of. `words` tell what searches are about."""
    point_in_time.tell_recipients(connection, spine)
    engagement = EngagementCounts(*point_in_time.engagement(connection, spine, spec.engagement_window, categories))
    interests = Interests.none(len(spine), len(categories), spec.interest_window, spec.interest_half_life)
    acted = point_in_time.actions(connection, spine, spec.purchase_window, spec.behaviour_window, interests)
    responded = point_in_time.last_response(connection, spine, spec.purchase_window)
    bought, last_purchase = point_in_time.purchases(connection, spine, spec.purchase_window, spec.recent_items, interests)
    last = np.maximum(np.maximum(acted.last_us, responded), last_purchase)
    clicks = engagement.clicks.sum(axis=1, keepdims=True)
    behaviour = np.hstack([clicks, bought.counts, acted.counts, acted.days[:, None]], dtype=np.float64)
    sessions = sessions_of(session_facts(connection, spine, spec.session, words, categories), spine.rows, spec.session, len(categories))
    return Knowledge(engagement, interests, _days(spine.as_of_us(), last), acted.device, acted.channel, behaviour, bought, sessions)


def _days(as_of_us: Ints, last_us: Ints) -> npt.NDArray[np.float64]:
    """Days from the last instant to as_of, not below 0; NaN where there was none."""
    days = np.full(len(last_us), np.nan)
    known = last_us != NEVER
    days[known] = np.maximum(as_of_us[known] - last_us[known], 0) / DAY
    return days


_SHOWN_VARIANTS = """
SELECT placement, variant, max_by(coalesce(category, ''), (epoch_us(decided_at), decision_id)) AS category, min(received_at) AS first_at
FROM decisions WHERE received_at < $as_of GROUP BY placement, variant ORDER BY placement, variant
"""


def shown_variants(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> tuple[tuple[VariantFacts, ...], dict[str, datetime]]:
    """Variants that history shows, with their latest category, and when each was first known to be shown."""
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
