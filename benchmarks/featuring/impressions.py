"""What the point-in-time contest is about: impressions, and decisions and clicks at instants of their own, as Parquet files.

For each impression: how many decisions of each of twelve categories its recipient had been shown in the 30 days before, and how
many of them clicked, as far as that had been received. `states.parquet` is the same history as Feast takes it: a row for
every instant at which any of these 24 numbers changes for a recipient. Making it is not counted as Feast's work.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.featuring.columns import Column, digests, filled, instants, named, same, words
from benchmarks.featuring.shop import CATEGORIES, DAY_US, NOW_US
from ranking.history import DECISIONS, OUTCOMES

WINDOW = timedelta(days=30)
WINDOW_US = WINDOW // timedelta(microseconds=1)
COLUMNS = tuple(f"{kind}_{category}".replace("-", "_") for kind in ("shown", "clicked") for category in CATEGORIES)

_PER_RECIPIENT, _SHOWN, _DAYS = 5, 24, 60


@dataclass(frozen=True, slots=True)
class Made:
    """What was written: impressions, decisions, clicks, and rows of states for Feast."""

    impressions: int
    decisions: int
    clicks: int
    states: int


def make_impressions(folder: Path, impressions: int, seed: int = 0) -> Made:
    """Write impressions, decisions, outcomes and states; impressions fall on distinct instants of the last 30 days."""
    rng = np.random.default_rng(seed)
    recipients = impressions // _PER_RECIPIENT
    asked = pd.DataFrame({"who": np.repeat(np.arange(recipients), _PER_RECIPIENT)})
    asked["at"] = NOW_US - rng.integers(0, 30 * DAY_US, len(asked))
    shown = _shown(rng, recipients)
    clicked = shown[rng.random(len(shown)) < 0.05].copy()
    clicked["known"] = clicked["at"] + rng.integers(60_000_000, 2 * DAY_US, len(clicked))
    states = _states(shown, clicked)
    ids = digests(rng, len(shown))
    _write(folder / "impressions", pa.table({"recipient_id": _ids(asked["who"]), "as_of": instants(asked["at"].to_numpy())}))
    _write(folder / "decisions", filled(DECISIONS, _decided(shown, ids)))
    _write(folder / "outcomes", filled(OUTCOMES, _responded(clicked, ids.take(clicked.index.to_numpy()))))
    _write(folder / "states", states)
    return Made(len(asked), len(shown), len(clicked), len(states))


def _shown(rng: np.random.Generator, recipients: int) -> pd.DataFrame:
    """Decisions at random instants: who, at (µs), category."""
    n = recipients * _SHOWN
    return pd.DataFrame(
        {
            "who": np.repeat(np.arange(recipients), _SHOWN),
            "at": NOW_US - rng.integers(0, _DAYS * DAY_US, n),
            "category": rng.integers(0, len(CATEGORIES), n),
        }
    )


def _states(shown: pd.DataFrame, clicked: pd.DataFrame) -> pa.Table:
    """The 24 counts after each change, by recipient and instant."""
    ordered = _changes(shown, clicked).query("at <= @NOW_US").sort_values(["who", "at"], kind="stable").reset_index(drop=True)
    counts = np.zeros((len(ordered), len(COLUMNS)), dtype=np.int32)
    counts[np.arange(len(ordered)), ordered["column"].to_numpy()] = ordered["by"].to_numpy()
    np.cumsum(counts, axis=0, out=counts)
    first = np.flatnonzero(~ordered.duplicated("who").to_numpy())
    counts -= np.repeat(np.vstack([np.zeros_like(counts[:1]), counts[first[1:] - 1]]), np.diff(first, append=len(ordered)), axis=0)
    last = ~ordered.duplicated(["who", "at"], keep="last").to_numpy()
    kept = ordered[last]
    named_counts = {name: pa.array(counts[last, at]) for at, name in enumerate(COLUMNS)}
    return pa.table({"recipient_id": _ids(kept["who"]), "event_timestamp": instants(kept["at"].to_numpy())} | named_counts)


def _changes(shown: pd.DataFrame, clicked: pd.DataFrame) -> pd.DataFrame:
    """One more of a column from just after a fact was received, one less from the window's end: who, at, column, by."""
    parts = []
    for facts, known, first in ((shown, shown["at"], 0), (clicked, clicked["known"], len(CATEGORIES))):
        for at, by in ((known + 1, 1), (facts["at"] + WINDOW_US + 1, -1)):
            parts.append(pd.DataFrame({"who": facts["who"], "at": at, "column": facts["category"] + first, "by": by}))
    return pd.concat(parts)


def _decided(shown: pd.DataFrame, ids: Column) -> dict[str, Column]:
    n, at = len(shown), instants(shown["at"].to_numpy())
    category = words(CATEGORIES, shown["category"].to_numpy())
    fixed = {name: same(name, n) for name in ("send_id", "placement", "source")}
    return fixed | {
        "decision_id": ids, "recipient_id": _ids(shown["who"]), "variant": category, "category": category,
        "position": pa.array(np.ones(n, np.int16)), "decided_at": at, "received_at": at,
    }  # fmt: skip


def _responded(clicked: pd.DataFrame, ids: Column) -> dict[str, Column]:
    n, known = len(clicked), instants(clicked["known"].to_numpy())
    return {
        "decision_id": ids, "recipient_id": _ids(clicked["who"]), "kind": same("click", n),
        "occurred_at": known, "received_at": known, "source": same("source", n),
    }  # fmt: skip


def _ids(who: pd.Series) -> Column:
    return named("customer-", who.to_numpy(dtype=np.int64), 8)


def _write(path: Path, table: pa.Table) -> None:
    pq.write_table(table, path.with_suffix(".parquet"), compression="zstd", row_group_size=131_072)
