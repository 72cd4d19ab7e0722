"""Features for every recipient of a made shop at one instant. `python -m benchmarks.featuring.serving FOLDER QUARTERS MODE`

`whole`: one pass over history. `blocks`: as a send does it, a pass for every `flows.compute_shard_features.BLOCK` recipients, two side
by side. `training`: one pass for two instants a week apart of every recipient, as for the decisions of two sends.

Timed is what the product does between the list of recipients and their features, reading Parquet included. The parameters were
fitted on another, small shop (`fit`), as a model's are before a send. A process of its own, for its peak memory.
"""

import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
import pandas as pd
import pyarrow.dataset as ds

from benchmarks.featuring.shop import NOW, QUARTERS, make_shop, recipient_ids
from benchmarks.machine import peak_mb
from flows.compute_shard_features import BLOCK
from ranking.features.compute import compute_features, fit_features, serving_spine
from ranking.features.parameters import FeatureParameters
from ranking.history import DECISIONS, EVENTS, OUTCOMES, PURCHASES, History
from ranking.specification import FeatureSpec

_WORKERS = 2
_FITTED_ON = 5_000


def history_of(folder: Path, quarters: int) -> History:
    """The history of the first quarters, as a lake gives it: Parquet, not read yet."""
    schemas = {"decisions": DECISIONS, "outcomes": OUTCOMES, "events": EVENTS, "purchases": PURCHASES}
    found = {
        name: [str(f) for q in range(quarters) for f in sorted((folder / f"quarter-{q}" / name).rglob("*.parquet"))] for name in schemas
    }
    return History(*(ds.dataset(found[name], schema=schema, format="parquet") for name, schema in schemas.items()))


def recipients_of(folder: Path, quarters: int) -> pd.DataFrame:
    """The recipients of the first quarters."""
    return pd.DataFrame({"recipient_id": recipient_ids(folder, quarters).to_pandas(), "time_zone": "Europe/Vienna"})


def fit(folder: Path) -> None:
    """Fit parameters on a small shop and keep them."""
    make_shop(folder / "small", _FITTED_ON, seed=1)
    spine = serving_spine(recipients_of(folder / "small", QUARTERS), NOW)
    fitted = fit_features(history_of(folder / "small", QUARTERS), spine, NOW, FeatureSpec())
    for name, data in fitted.to_files().items():
        (folder / name).write_bytes(data)


def fitted(folder: Path) -> FeatureParameters:
    """The parameters that `fit` kept."""
    return FeatureParameters.from_files({path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in {".json", ".npy"}})


def compute(spine: pd.DataFrame, history: History, parameters: FeatureParameters, mode: str) -> int:
    """Features of the whole spine, held until all are there; how many bytes they are."""
    size = min(BLOCK, len(spine)) if mode == "blocks" else len(spine)
    blocks: Sequence[pd.DataFrame] = [spine.iloc[start : start + size] for start in range(0, len(spine), size)]
    with ThreadPoolExecutor(_WORKERS) as threads:
        frames = list(threads.map(lambda block: compute_features(block, history, parameters), blocks))
    return sum(frame.recipient.nbytes + frame.cross.nbytes for frame in frames)


def main() -> None:
    """Print seconds and megabytes as JSON."""
    folder, quarters, mode = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    if mode == "fit":
        fit(folder)
        print("{}")
        return
    parameters, history = fitted(folder), history_of(folder, quarters)
    spine = serving_spine(recipients_of(folder, quarters), NOW)
    if mode == "training":
        spine = pd.concat([spine, spine.assign(as_of=spine["as_of"] - pd.Timedelta(days=7))], ignore_index=True)
    compute(spine.head(10), history, parameters, "whole")  # loads what is loaded on first use
    began, cpu = time.perf_counter(), time.process_time()
    held = compute(spine, history, parameters, mode)
    told = {"seconds": time.perf_counter() - began, "cpu_s": time.process_time() - cpu}
    print(orjson.dumps(told | {"peak_mb": peak_mb(), "features_mb": held / 2**20, "rows": len(spine)}).decode())


if __name__ == "__main__":
    main()
