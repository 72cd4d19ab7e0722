"""Point-in-time counts of twelve categories for impressions, in turns: ours, pandas, Feast.
`python -m benchmarks.featuring.contest FOLDER IMPRESSIONS ROUNDS FEAST_PYTHON`

All read Parquet files and answer with the 24 numbers of every impression; what they answer has to be equal. Ours and pandas go from
decisions and clicks. Feast cannot count: it gets `states`, counted beforehand, and joins them to the impressions
(`get_historical_features` from its file store), which is the smaller part of the work. `pandas_asof` does that part with `merge_asof`.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pandas as pd
import pyarrow.dataset as ds

from benchmarks.featuring.impressions import COLUMNS, WINDOW, make_impressions
from benchmarks.featuring.shop import CATEGORIES
from benchmarks.own_process import ROOT
from benchmarks.timing import in_turns, seconds_of
from ranking.features.point_in_time import engagement, tell_recipients
from ranking.features.spine import spine_of
from ranking.history import DECISIONS, OUTCOMES, History, opened

Counts = npt.NDArray[np.int32]


class DisagreementError(Exception):
    """Two that did the same work got different numbers."""


def ours(folder: Path, first: int | None = None) -> Counts:
    """The product's own statements: int32[impressions, 24]."""
    spine = spine_of(pd.read_parquet(folder / "impressions.parquet").iloc[:first])
    tables = {name: ds.dataset(folder / f"{name}.parquet", schema=s) for name, s in (("decisions", DECISIONS), ("outcomes", OUTCOMES))}
    with opened(History(**tables)) as connection:
        tell_recipients(connection, spine)
        return np.hstack(engagement(connection, spine, WINDOW, CATEGORIES))


def pandas(folder: Path) -> Counts:
    """What one would write without us: join on the recipient, filter by time, group."""
    asked = pd.read_parquet(folder / "impressions.parquet").rename_axis("row").reset_index()
    shown = pd.read_parquet(folder / "decisions.parquet", columns=["decision_id", "recipient_id", "category", "decided_at", "received_at"])
    clicks = pd.read_parquet(folder / "outcomes.parquet", columns=["decision_id", "kind", "received_at"])
    clicked = clicks[clicks["kind"] == "click"].groupby("decision_id")["received_at"].min().rename("clicked_at")
    shown = shown.merge(clicked, on="decision_id", how="left").drop(columns="decision_id")
    pairs = asked.merge(shown.astype({"category": pd.CategoricalDtype([*CATEGORIES])}), on="recipient_id")
    pairs = pairs[(pairs["received_at"] < pairs["as_of"]) & (pairs["decided_at"] >= pairs["as_of"] - WINDOW)]
    parts = (pairs, pairs[pairs["clicked_at"] < pairs["as_of"]])
    found = [part.groupby(["row", "category"], observed=False).size().unstack().reindex(asked["row"], fill_value=0) for part in parts]
    return np.hstack([counts.to_numpy(dtype=np.int32) for counts in found])


def pandas_asof(folder: Path) -> Counts:
    """The join alone, from `states`."""
    asked = pd.read_parquet(folder / "impressions.parquet").rename_axis("row").reset_index().sort_values("as_of")
    states = pd.read_parquet(folder / "states.parquet").sort_values("event_timestamp")
    found = pd.merge_asof(asked, states, left_on="as_of", right_on="event_timestamp", by="recipient_id").sort_values("row")
    return found[list(COLUMNS)].fillna(0).to_numpy(dtype=np.int32)


@contextmanager
def feast(folder: Path, python: str) -> Iterator[Callable[[], dict[str, Any]]]:
    """Feast in its own environment, set up and warm; each call joins once and tells seconds and peak memory."""
    script = ROOT / "benchmarks" / "featuring" / "feast_player.py"
    with subprocess.Popen([python, str(script), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as player:
        assert player.stdin is not None and player.stdout is not None  # noqa: S101 - both are pipes
        player.stdout.readline()

        def play() -> dict[str, Any]:
            assert player.stdin is not None and player.stdout is not None  # noqa: S101 - both are pipes
            player.stdin.write("\n")
            player.stdin.flush()
            told: dict[str, Any] = orjson.loads(player.stdout.readline())
            return told

        yield play
        player.stdin.close()


def contest(folder: Path, rounds: int, python: str) -> dict[str, Any]:
    """Median seconds of each, and in how many impressions Feast's numbers differ from ours. DisagreementError if pandas's do."""
    ours(folder, first=10)  # loads what is loaded on first use
    local = {"ours": ours, "pandas": pandas, "pandas_asof": pandas_asof}
    runs: dict[str, Callable[[int], float]] = {
        name: lambda _, run=run: seconds_of(lambda: run(folder))  # type: ignore[misc]
        for name, run in local.items()
    }
    told: dict[str, Any] = {}
    if python:
        with feast(folder, python) as play:
            seconds = in_turns(runs | {"feast": lambda _: float(told.update(play()) or told["seconds"])}, rounds)
    else:
        seconds = in_turns(runs, rounds)
    return {"seconds": seconds, "feast_peak_mb": told.get("peak_mb")} | _agreement(folder, told)


def _agreement(folder: Path, told: Mapping[str, Any]) -> dict[str, Any]:
    mine = ours(folder)
    for other in (pandas, pandas_asof):
        if not np.array_equal(mine, other(folder)):
            raise DisagreementError(f"{other.__name__} got other numbers than ours")
    if not told:
        return {"feast_differing_rows": None}
    theirs = np.load(folder / "feast.npy")
    return {"feast_differing_rows": int((mine != theirs).any(axis=1).sum())}


def main() -> None:
    """Make the files, hold the contest, print JSON."""
    folder, impressions, rounds, python = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    made = make_impressions(folder, impressions)
    print(orjson.dumps({"sizes": asdict(made)} | contest(folder, rounds, python)).decode())


if __name__ == "__main__":
    main()
