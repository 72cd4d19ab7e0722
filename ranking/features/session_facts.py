"""Acts of running sessions from history: those of its events that any row of a spine can count."""

from datetime import timedelta

import duckdb
import numpy as np
import numpy.typing as npt

from domain.event import EventKind
from domain.signal import KINDS, SessionRule, query_of
from ranking.features.searches import SearchWords
from ranking.features.sessions import Facts, shelf_of
from ranking.features.spine import MICROSECOND, Spine
from ranking.features.tallies import wanted

_BATCH = 500_000
_ACTED = """
SELECT who, epoch_us(received_at) AS received_us, epoch_us(occurred_at) AS occurred_us,
       CAST(list_position($kinds, kind) - 1 AS INTEGER) AS kind, category, event_id,
       CASE WHEN kind = 'searched' AND category IS NULL THEN properties END AS properties
FROM events JOIN who USING (recipient_id)
WHERE kind IN (SELECT unnest($kinds)) AND received_at < $until AND occurred_at >= $since
"""


def session_facts(
    connection: duckdb.DuckDBPyConnection, spine: Spine, rule: SessionRule, words: SearchWords, categories: tuple[str, ...]
) -> Facts:
    """The acts that may be of a session of any row; few are, whatever the history. Recipients as `point_in_time.tell_recipients` told."""
    bounds = spine.bounds(rule.longest)
    asked = {"kinds": [*KINDS], "until": bounds["until"], "since": bounds["since"]}
    place = {category: code for code, category in enumerate(categories)}
    pieces = [_kept(batch, spine, rule.longest) for batch in connection.sql(_ACTED, params=asked).to_arrow_reader(_BATCH)]
    columns = [np.concatenate(column) for column in zip(*pieces, strict=True)] if pieces else [np.empty(0, object)] * 7
    who, received, occurred, kind, category, event_id, properties = columns
    order = np.lexsort((event_id.astype(str), occurred.astype(np.int64), who.astype(np.int64)))
    told = zip(kind[order].tolist(), category[order].tolist(), properties[order].tolist(), strict=True)
    shelves = [place.get(_shelf(code, shelf, said, words) or "", -1) for code, shelf, said in told]
    return Facts(
        who[order].astype(np.int32),
        received[order].astype(np.int64),
        occurred[order].astype(np.int64),
        kind[order].astype(np.int32),
        np.array(shelves, dtype=np.int32),
    )


def _kept(batch: object, spine: Spine, longest: timedelta) -> list[npt.NDArray[np.generic]]:
    """The rows of a batch within reach of any row of the spine."""
    columns = batch.columns  # type: ignore[attr-defined] # an Arrow record batch
    who, received, occurred = (column.to_numpy(zero_copy_only=False) for column in columns[:3])
    mask = wanted(who, received, occurred, longest // MICROSECOND, spine.rows)
    return [np.asarray(column.filter(mask).to_numpy(zero_copy_only=False)) for column in columns]


def _shelf(code: int, category: str | None, properties: str | None, words: SearchWords) -> str | None:
    return shelf_of(EventKind(KINDS[code]), category, query_of(properties) if properties else None, words)
