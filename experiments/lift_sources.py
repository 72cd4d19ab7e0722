"""What a lift report is made from: the letters that were assigned, and what their recipients did, as relations DuckDB can read.

Columns are those of the lake's tables (storage/lake_schema.py). Nothing is loaded before it is asked for.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from domain.ids import CampaignId, SendId

Relation = pa.Table | ds.Dataset
WEEK = timedelta(days=7)
VALUE_WITHIN = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Mailing:
    """A send: when, for how long a click counts for it, whom it was drawn for (`audience`), and its clicks (`outcomes`)."""

    send_id: SendId
    campaign: CampaignId
    at: datetime
    window: timedelta
    audience: Relation
    outcomes: Relation


@dataclass(frozen=True, slots=True)
class Sources:
    """All sends since the holdout is as it is, all purchases, and who unsubscribed, complained or bounced.

    `setbacks`: send_id, recipient_id, kind, occurred_at; machines' events are not among them.
    """

    mailings: Sequence[Mailing]
    purchases: Relation
    setbacks: pa.Table


@dataclass(frozen=True, slots=True)
class Period:
    """Whole weeks from an instant on."""

    since: datetime
    weeks: int

    @property
    def until(self) -> datetime:
        """The first instant after it."""
        return self.since + self.weeks * WEEK

    def end_of(self, week: int) -> datetime:
        """The first instant after so many weeks."""
        return self.since + week * WEEK


@contextmanager
def opened(sources: Sources, *, threads: int = 2, memory_mb: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in memory, in UTC, that sees `mailings`, `assigned`, `clicked`, `purchases` and `setbacks`.

    mailings: number, send_id, sent_at, counts_until. assigned: number, recipient_id, arm, one row per letter that was meant to go out or
    was kept back by the holdout. clicked: number, recipient_id, occurred_at, one row per click.
    """
    config: dict[str, Any] = {"threads": threads, "autoinstall_known_extensions": False}
    if memory_mb is not None:
        config["memory_limit"] = f"{memory_mb}MB"
    with TemporaryDirectory(prefix="letterpress-") as spill, duckdb.connect(config=config | {"temp_directory": spill}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET preserve_insertion_order = false")
        connection.register("purchases", sources.purchases)
        connection.register("setbacks", sources.setbacks)
        _register(connection, sources.mailings)
        yield connection


def _register(connection: duckdb.DuckDBPyConnection, mailings: Sequence[Mailing]) -> None:
    """One view over the audiences of all sends, and one over their outcomes."""
    connection.register("mailings", _as_table(mailings))
    drawn, clicked = list[duckdb.DuckDBPyRelation](), list[duckdb.DuckDBPyRelation]()
    for number, one in enumerate(mailings):
        connection.register(f"audience_{number}", one.audience)
        connection.register(f"outcomes_{number}", one.outcomes)
        drawn.append(connection.table(f"audience_{number}").filter("arm IS NOT NULL").project(f"{number} AS number, recipient_id, arm"))
        clicks = connection.table(f"outcomes_{number}").filter("kind = 'click'")
        clicked.append(clicks.project(f"{number} AS number, recipient_id, occurred_at"))
    for name, parts in (("assigned", drawn), ("clicked", clicked)):
        reduce(lambda whole, part: whole.union(part), parts).create_view(name)


def _as_table(mailings: Sequence[Mailing]) -> pa.Table:
    rows = [(number, one.send_id, one.at, one.at + one.window) for number, one in enumerate(mailings)]
    frame = pd.DataFrame(rows, columns=["number", "send_id", "sent_at", "counts_until"])
    for column in ("sent_at", "counts_until"):
        frame[column] = pd.to_datetime(frame[column], utc=True).astype("datetime64[us, UTC]")
    return pa.Table.from_pandas(frame, preserve_index=False)
