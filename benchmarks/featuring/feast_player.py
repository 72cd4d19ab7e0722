"""Feast, in an environment that has it: `python feast_player.py FOLDER` sets up a store over FOLDER/states.parquet and says so.

For every line on standard input it joins the states to FOLDER/impressions.parquet by `get_historical_features` of its file store, and
prints the seconds that took and the most memory it has held; the numbers, in the order of the impressions, are in FOLDER/feast.npy.
"""

import importlib
import json
import os
import resource
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

os.environ["FEAST_USAGE"] = "False"


def store_over(folder: Path, columns: list[str]) -> Any:
    """A feature store in the folder with one view, of the states."""
    feast, types = importlib.import_module("feast"), importlib.import_module("feast.types")
    config = {"project": "contest", "provider": "local", "registry": str(folder / "registry.db"), "entity_key_serialization_version": 3}
    stores = {"offline_store": {"type": "file"}, "online_store": {"type": "sqlite", "path": str(folder / "online.db")}}
    store = feast.FeatureStore(config=feast.RepoConfig(repo_path=str(folder), **config, **stores))
    recipient = feast.Entity(name="recipient", join_keys=["recipient_id"], value_type=feast.ValueType.STRING)
    source = feast.FileSource(path=str(folder / "states.parquet"), timestamp_field="event_timestamp")
    schema = [feast.Field(name=name, dtype=types.Int32) for name in columns]
    store.apply([recipient, feast.FeatureView(name="states", entities=[recipient], ttl=timedelta(days=400), schema=schema, source=source)])
    return store


def joined(store: Any, asked: Any, columns: list[str]) -> Any:
    """Feast's answer as a frame."""
    return store.get_historical_features(entity_df=asked, features=[f"states:{name}" for name in columns]).to_df()


def main() -> None:
    """Set up, join a little to warm up, then on demand."""
    pandas, parquet = importlib.import_module("pandas"), importlib.import_module("pyarrow.parquet")
    folder = Path(sys.argv[1])
    columns = [name for name in parquet.read_schema(folder / "states.parquet").names if name not in {"recipient_id", "event_timestamp"}]
    store = store_over(folder, columns)
    joined(store, _asked(pandas, folder).head(10), columns)
    print("ready", flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        found = joined(store, _asked(pandas, folder), columns)
        taken = time.perf_counter() - began
        numbers = np.zeros((int(found["row"].max()) + 1, len(columns)), np.int32)
        numbers[found["row"]] = found[columns].fillna(0)
        np.save(folder / "feast.npy", numbers)
        print(json.dumps({"seconds": taken, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}), flush=True)


def _asked(pandas: Any, folder: Path) -> Any:
    asked = pandas.read_parquet(folder / "impressions.parquet").rename(columns={"as_of": "event_timestamp"})
    return asked.assign(row=range(len(asked)))


if __name__ == "__main__":
    main()
