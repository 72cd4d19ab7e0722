"""All that a house keeps, as digests that can be compared: tables, files of the lake, what is published."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import orjson
import redis
import sqlalchemy as sa

from runtime.house import House
from runtime.services import redis_url_of
from storage.decision_layout import CAMPAIGNS
from storage.schema import metadata, runs

_NUMBERED = {"audit": {"entry"}}  # columns that say in which order rows came in
_TIMED = {"send_shards": "counts", "rollout_looks": "figures"}  # JSON with, among others, how long something took


def digests(house: House) -> dict[str, str]:
    """By place. Runs of processes are left out, for one that died is one more; so is how long deciding took."""
    return {name: digest for part in (_tables(house), _files(house), _published(house)) for name, digest in part}


def _tables(house: House) -> Iterator[tuple[str, str]]:
    with house.database.connect() as connection:
        for table in metadata.sorted_tables:
            if table is not runs:
                columns = [one for one in table.columns if one.name not in _NUMBERED.get(table.name, set())]
                rows = sorted(repr(_untimed(table.name, row._asdict())) for row in connection.execute(sa.select(*columns)))
                yield f"table {table.name}", _digest(rows)


def _untimed(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """A row without what a stopwatch said."""
    if column := _TIMED.get(table):
        found = orjson.loads(row[column])
        return row | {column: {name: value for name, value in sorted(found.items()) if "microseconds" not in name}}
    return row


def _files(house: House) -> Iterator[tuple[str, str]]:
    root = house.settings.var / "lake"
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        yield f"file {path.relative_to(root)}", blake2b(path.read_bytes(), digest_size=16).hexdigest()


def _published(house: House) -> Iterator[tuple[str, str]]:
    client: Any = redis.Redis.from_url(redis_url_of(house.settings))
    keys = sorted(client.scan_iter(match="decisions:*"))
    yield (
        "published",
        _digest(repr((key, sorted(client.smembers(key) if key == CAMPAIGNS else client.hgetall(key).items()))) for key in keys),
    )
    client.close()


def _digest(rows: Any) -> str:
    hashed = blake2b(digest_size=16)
    for row in rows:
        hashed.update(row.encode() + b"\n")
    return hashed.hexdigest()
