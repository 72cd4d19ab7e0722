"""What is known: decisions, outcomes, events and purchases, as Arrow tables or datasets of the lake.

The columns are those of the lake's tables (storage/lake_schema.py). DuckDB scans them where they are; nothing here
loads a whole table into memory.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
from pyarrow.fs import LocalFileSystem

_TEXT, _NUMBER, _INSTANT = pa.string(), pa.float64(), pa.timestamp("us", tz="UTC")


def _table(**columns: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in columns.items()])


DECISIONS = _table(
    decision_id=_TEXT,
    send_id=_TEXT,
    recipient_id=_TEXT,
    placement=_TEXT,
    position=pa.int16(),
    variant=_TEXT,
    category=_TEXT,
    arm=_TEXT,
    score=pa.float32(),
    propensity=_NUMBER,
    prefix_propensity=_NUMBER,
    candidates=pa.int16(),
    decided_at=_INSTANT,
    received_at=_INSTANT,
    model_version=_TEXT,
    content_version=_TEXT,
    source=_TEXT,
)
OUTCOMES = _table(
    decision_id=_TEXT,
    recipient_id=_TEXT,
    kind=_TEXT,
    value=_NUMBER,
    currency=_TEXT,
    occurred_at=_INSTANT,
    received_at=_INSTANT,
    source=_TEXT,
)
EVENTS = _table(
    event_id=_TEXT,
    kind=_TEXT,
    recipient_id=_TEXT,
    message_id=_TEXT,
    decision_id=_TEXT,
    category=_TEXT,
    item=_TEXT,
    device=_TEXT,
    channel=_TEXT,
    occurred_at=_INSTANT,
    received_at=_INSTANT,
    source=_TEXT,
    properties=_TEXT,
)
PURCHASES = _table(
    purchase_id=_TEXT,
    recipient_id=_TEXT,
    item=_TEXT,
    category=_TEXT,
    quantity=_NUMBER,
    amount=_NUMBER,
    currency=_TEXT,
    occurred_at=_INSTANT,
    received_at=_INSTANT,
    source=_TEXT,
)

Relation = pa.Table | ds.Dataset


@dataclass(frozen=True, slots=True)
class History:
    """The four tables of what happened. What is left out is empty."""

    decisions: Relation = field(default_factory=DECISIONS.empty_table)
    outcomes: Relation = field(default_factory=OUTCOMES.empty_table)
    events: Relation = field(default_factory=EVENTS.empty_table)
    purchases: Relation = field(default_factory=PURCHASES.empty_table)


@contextmanager
def opened(history: History, *, threads: int = 2, memory_mb: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection of its own, in memory, in UTC, that sees the four tables under their names.

    With `memory_mb` DuckDB holds no more than that; what needs more goes to the system's folder for temporary files meanwhile.
    """
    config: dict[str, Any] = {"threads": threads, "autoinstall_known_extensions": False}
    if memory_mb is not None:
        config["memory_limit"] = f"{memory_mb}MB"
    with TemporaryDirectory(prefix="letterpress-") as spill, duckdb.connect(config={**config, "temp_directory": spill}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET preserve_insertion_order = false")  # lets results stream; what needs an order says so
        for name in ("decisions", "outcomes", "events", "purchases"):
            _show(connection, name, getattr(history, name))
        yield connection


def _show(connection: duckdb.DuckDBPyConnection, name: str, relation: Relation) -> None:
    """Local Parquet files are read by DuckDB itself, with half the memory; anything else through Arrow."""
    if isinstance(relation, ds.FileSystemDataset) and relation.format.default_extname == "parquet" and _is_local(relation):
        connection.read_parquet(relation.files, hive_partitioning=False).create_view(name)
    else:
        connection.register(name, relation)


def _is_local(relation: ds.FileSystemDataset) -> bool:
    return bool(relation.files) and isinstance(relation.filesystem, LocalFileSystem)
