"""Labels: past decisions with what they brought about, as known at an instant."""

from collections.abc import Collection
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.campaign import Goal
from domain.decision import SEEN_ON_PAGE
from domain.hashing import keys_of, uniforms
from ranking.history import History, opened

# What one decision earned, by goal. A decision counts once however often it was clicked.
LABEL = {
    Goal.CLICK: "(coalesce(clicks, 0) > 0)::DOUBLE",
    Goal.CONVERSION: "(coalesce(conversions, 0) > 0)::DOUBLE",
    Goal.REVENUE: "greatest(coalesce(cents, 0), 0) / 100.0",  # net of what was given back
}

_LABELLED = """
WITH earned AS (
    SELECT decision_id, count(*) FILTER (kind = 'click') AS clicks,
           count(*) FILTER (kind = 'conversion' AND coalesce(value, 0) >= 0) AS conversions,
           sum(CASE WHEN kind = 'conversion' THEN CAST(round(coalesce(value, 0) * 100) AS BIGINT) END)::BIGINT AS cents
    FROM outcomes WHERE received_at < $as_of GROUP BY decision_id
)
SELECT decision_id, send_id, recipient_id, placement, position::INTEGER AS position, variant, coalesce(category, '') AS category,
       arm, propensity, prefix_propensity, candidates, decided_at, source, {label} AS label,
       (coalesce(clicks, 0) + coalesce(conversions, 0)) > 0 AS answered, source = $seen AS seen,
       CASE WHEN source = $seen THEN coalesce(content_version, '') || strftime(decided_at, ' %Y-%m-%d') ELSE send_id END AS offered_in
FROM decisions LEFT JOIN earned USING (decision_id)
WHERE received_at < $as_of AND decided_at < $mature AND (len($placements) = 0 OR list_contains($placements, placement))
ORDER BY decided_at, decision_id
"""


def labelled_decisions(
    history: History, goal: Goal, as_of: datetime, *, placements: Collection[str] = (), maturity: timedelta = timedelta(0), threads: int = 2
) -> pd.DataFrame:
    """Decisions taken at least `maturity` before as_of, with `label`: clicked or converted (0 or 1), or revenue. `answered` is whether
    anything came of them at all, click or conversion; `seen`, whether the position is known to have been looked at, as on pages.
    `offered_in` names what decisions had the same candidates: a send, or the refreshes of a day with the same content.

    Ordered by decided_at and decision_id; `placements` empty means all.
    """
    parameters = {"as_of": as_of, "mature": as_of - maturity, "placements": sorted(placements), "seen": SEEN_ON_PAGE}
    with opened(history, threads=threads) as connection:
        frame: pd.DataFrame = connection.sql(_LABELLED.format(label=LABEL[goal]), params=parameters).to_arrow_table().to_pandas()
    return frame


def sampled(rows: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """At most about `most` rows: whole recipients, drawn by hash, so that slates stay whole."""
    if len(rows) <= most:
        return rows
    keep = uniforms(keys_of(rows["recipient_id"]), f"training-sample-{seed}") < most / len(rows)
    return rows[keep]


def spine_frame(rows: pd.DataFrame, recipients: pd.DataFrame) -> tuple[pd.DataFrame, npt.NDArray[np.int64]]:
    """The distinct (recipient, decided_at) of the rows with their time zone and attributes, and each row's place in it."""
    pairs = rows[["recipient_id", "decided_at"]]
    place = pairs.groupby(["recipient_id", "decided_at"], sort=False).ngroup().astype("int64").to_numpy()
    spine = pairs.drop_duplicates().rename(columns={"decided_at": "as_of"})
    known = recipients.drop(columns=["as_of"], errors="ignore").drop_duplicates("recipient_id")
    return spine.merge(known, on="recipient_id", how="left").reset_index(drop=True), np.asarray(place, dtype=np.int64)
