"""Feast's online read, in an environment that has it: `python feast_reader.py FOLDER PORT RECIPIENTS READS`

Three features of each recipient (the variant of each placement) are materialised into Redis; then those of one recipient are read at a
time, in one process, as a service that embeds Feast would. Prints the milliseconds of each read's percentiles, and recipients per second of
materialising.
"""

import importlib
import json
import os
import random
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

os.environ["FEAST_USAGE"] = "False"
_NAMES = ("home_hero", "home_strip", "cart_offer")


def store_over(folder: Path, port: str) -> Any:
    """A feature store with one view, of what was decided."""
    feast, types = importlib.import_module("feast"), importlib.import_module("feast.types")
    online = {"type": "redis", "connection_string": f"127.0.0.1:{port}"}
    config = {"project": "placements", "provider": "local", "registry": str(folder / "registry.db"), "entity_key_serialization_version": 3}
    store = feast.FeatureStore(
        config=feast.RepoConfig(repo_path=str(folder), **config, offline_store={"type": "file"}, online_store=online)
    )
    recipient = feast.Entity(name="recipient", join_keys=["recipient_id"], value_type=feast.ValueType.STRING)
    source = feast.FileSource(path=str(folder / "decided.parquet"), timestamp_field="event_timestamp")
    schema = [feast.Field(name=name, dtype=types.String) for name in _NAMES]
    store.apply([recipient, feast.FeatureView(name="decided", entities=[recipient], ttl=timedelta(days=9), schema=schema, source=source)])
    return store


def main() -> None:
    """Fill, read, say."""
    pandas, numpy = importlib.import_module("pandas"), importlib.import_module("numpy")
    folder, port, people, reads = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    at = datetime.now(timezone.utc)  # noqa: UP017 - Feast's Python may be older
    columns = {name: [f"variant-{n % 40}" for n in range(people)] for name in _NAMES}
    ids = [f"c{n:08d}" for n in range(people)]
    pandas.DataFrame({"recipient_id": ids, "event_timestamp": at, **columns}).to_parquet(folder / "decided.parquet")
    store = store_over(folder, port)
    began = time.perf_counter()
    store.materialize(at - timedelta(days=1), at + timedelta(minutes=1))
    filled = time.perf_counter() - began
    features, taken = [f"decided:{name}" for name in _NAMES], []
    for who in random.choices(ids, k=reads + 100):
        began = time.perf_counter()
        found = store.get_online_features(features=features, entity_rows=[{"recipient_id": who}]).to_dict()
        taken.append((time.perf_counter() - began) * 1e3)
        if not found["home_hero"][0]:
            raise SystemExit("a recipient is missing")
    p50, p99, p999 = numpy.percentile(taken[100:], [50, 99, 99.9])
    print(json.dumps({"p50_ms": p50, "p99_ms": p99, "p999_ms": p999, "recipients_per_s": people / filled}))


if __name__ == "__main__":
    main()
