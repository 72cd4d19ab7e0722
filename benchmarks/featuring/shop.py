"""A made shop's history in quarters of its recipients. `python -m benchmarks.featuring.shop FOLDER RECIPIENTS`

Twenty events a recipient, as a million of them would have after a year: four weekly letters of three decisions (12), one in twenty of
which is clicked (0.6), page views, searches, carts and opens of 90 days (5), and purchases of a year (2.4). Files lie as the lake
has them: a send's decisions by shard, in the order of recipients' ids; events by day; purchases by month. All of it is within the
windows of some feature, so that none can be skipped.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.featuring.columns import Column, Numbers, digests, filled, instants, named, same, words
from ranking.history import DECISIONS, EVENTS, OUTCOMES, PURCHASES

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
NOW_US = int(NOW.timestamp()) * 1_000_000
DAY_US = 86_400_000_000
CATEGORIES = tuple(f"category-{n:02d}" for n in range(12))
ITEMS, QUARTERS = 5_000, 4

_SHARD = 25_000
_KINDS = ("page_viewed", "searched", "added_to_cart", "opened")


def recipient_ids(folder: Path, quarters: int) -> Column:
    """Recipients of the first quarters, shard by shard, as a send has them."""
    return pa.concat_arrays([named("customer-", np.load(folder / f"quarter-{q}" / "recipients.npy"), 8) for q in range(quarters)])


def make_shop(folder: Path, recipients: int, seed: int = 0) -> int:
    """Write it; returns how many rows."""
    rng, rows = np.random.default_rng(seed), 0
    for number, quarter in enumerate(np.array_split(rng.permutation(recipients), QUARTERS)):
        shards = [np.sort(shard) for shard in np.array_split(quarter, max(1, len(quarter) // _SHARD))]
        home = folder / f"quarter-{number}"
        for name, table in _tables(rng, quarter, shards):
            path = home / f"{name}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, path, compression="zstd")
            rows += len(table)
        np.save(home / "recipients.npy", np.concatenate(shards))
    return rows


def _tables(rng: np.random.Generator, quarter: Numbers, shards: list[Numbers]) -> Iterator[tuple[str, pa.Table]]:
    for week in range(4):
        for number, shard in enumerate(shards):
            shown, clicked = _sent(rng, shard, week)
            yield f"decisions/week-{week}/shard-{number:05d}", shown
            yield f"outcomes/week-{week}/shard-{number:05d}", clicked
    for day in range(90):
        yield f"events/day-{day:02d}", _acted(rng, quarter, day)
    for month in range(12):
        yield f"purchases/month-{month:02d}", _bought(rng, quarter, month)


def _sent(rng: np.random.Generator, shard: Numbers, week: int) -> tuple[pa.Table, pa.Table]:
    """Three decisions for each recipient of a shard, and the clicks."""
    who = np.repeat(shard, 3)
    n, at, ids = len(who), NOW_US - (7 * week + 2) * DAY_US, digests(rng, len(who))
    category, same_at = rng.integers(0, len(CATEGORIES), n), instants(np.full(n, at))
    shown = {
        "decision_id": ids, "send_id": same(f"weekly-{week}", n), "recipient_id": named("customer-", who, 8),
        "placement": words(("weekly.a", "weekly.b", "weekly.c"), np.tile(np.arange(3), len(shard))),
        "position": pa.array(np.ones(n, np.int16)), "variant": words(CATEGORIES, category), "category": words(CATEGORIES, category),
        "decided_at": same_at, "received_at": same_at, "source": same("letterpress", n),
    }  # fmt: skip
    hit = np.flatnonzero(rng.random(n) < 0.05)
    occurred = at + rng.integers(60_000_000, DAY_US, len(hit))
    clicked = {
        "decision_id": ids.take(hit), "recipient_id": named("customer-", who[hit], 8), "kind": same("click", len(hit)),
        "occurred_at": instants(occurred), "received_at": instants(occurred + 60_000_000), "source": same("letterpress", len(hit)),
    }  # fmt: skip
    return filled(DECISIONS, shown), filled(OUTCOMES, clicked)


def _acted(rng: np.random.Generator, quarter: Numbers, day: int) -> pa.Table:
    n = 5 * len(quarter) // 90
    occurred = NOW_US - (day + 1) * DAY_US + rng.integers(0, DAY_US - 300_000_000, n)
    columns = {
        "event_id": digests(rng, n), "kind": words(_KINDS, rng.integers(0, 4, n)),
        "recipient_id": named("customer-", quarter[rng.integers(0, len(quarter), n)], 8),
        "device": words(("phone", "desktop", "tablet"), rng.integers(0, 3, n)), "channel": words(("web", "app"), rng.integers(0, 2, n)),
        "occurred_at": instants(occurred), "received_at": instants(occurred + 300_000_000),
        "source": same("shop", n), "properties": same("{}", n),
    }  # fmt: skip
    return filled(EVENTS, columns)


def _bought(rng: np.random.Generator, quarter: Numbers, month: int) -> pa.Table:
    n = len(quarter) // 5
    occurred = NOW_US - (month + 1) * 30 * DAY_US + rng.integers(0, 29 * DAY_US, n)
    item = rng.integers(0, ITEMS, n)
    columns = {
        "purchase_id": digests(rng, n), "recipient_id": named("customer-", quarter[rng.integers(0, len(quarter), n)], 8),
        "item": named("item-", item, 4), "category": words(CATEGORIES, item % len(CATEGORIES)), "quantity": pa.array(np.ones(n)),
        "amount": pa.array(rng.gamma(2, 20, n).round(2)), "occurred_at": instants(occurred),
        "received_at": instants(occurred + 3_600_000_000), "source": same("shop", n),
    }  # fmt: skip
    return filled(PURCHASES, columns)


def main() -> None:
    """Print how many rows were written."""
    print(orjson.dumps({"rows": make_shop(Path(sys.argv[1]), int(sys.argv[2]))}).decode())


if __name__ == "__main__":
    main()
