"""`features`: features of a whole list at one instant, and point-in-time counts for training beside Feast and pandas.

A made shop (`featuring/shop.py`: twenty events a recipient, in a lake's Parquet files) gives the first; processes of their own compute
it for a quarter, half and all of the list, each with the history of those recipients alone, in turns; medians. The second is a contest
over the same files (`featuring/contest.py`): impressions, and for each what its recipient had been shown and had clicked by category.

- `seconds_1m`: features for a million recipients from twenty million events in one pass, Parquet to the finished frame, two threads.
- `peak_mb`: the most memory of that process, Python and its libraries included.
- `seconds_in_blocks`, `peak_mb_in_blocks`: the same as a send does it, in blocks of shards, two side by side.
- `seconds_training_rows`, `peak_mb_training_rows`: all features of two million training rows, each recipient at two instants.
- `seconds`, `cpu_s`, `peak_mb_by_recipients`: by recipients. `growth`: time per recipient at the largest over that at the smallest size.
- `speedup_vs_feast`: Feast's seconds over ours. It is given counts that were made beforehand and joins them; we count and join.
  null: Feast is not there. `feast_differing_rows`: impressions for which its numbers are not ours.
- `speedup_vs_pandas`: seconds of merge, filter and group over ours, for the same numbers.
- `contest_seconds`: all of them; `pandas_asof` is `merge_asof` on the counts made beforehand, the join alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.own_environment import Environment, own_environment
from benchmarks.own_process import ROOT, run_module
from benchmarks.registry import Figure, Measured

REQUIREMENTS = ROOT / "benchmarks" / "featuring" / "feast.txt"
Run = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure: recipients, quarters of them by size (ascending), further ways for all of them, impressions, repetitions."""

    recipients: int
    quarters: tuple[int, ...]
    ways: tuple[str, ...]
    impressions: int
    rounds: int


FULL = Plan(1_000_000, (1, 2, 4), ("blocks", "training"), impressions=500_000, rounds=3)
QUICK = Plan(1_000_000, (1, 4), (), impressions=20_000, rounds=1)

_WAYS = {"blocks": "in_blocks", "training": "training_rows"}
_NOTHING: Mapping[str, float | None] = {"seconds": None, "peak_mb": None}


def measure(*, quick: bool) -> Measured:
    """Run it in a fresh temporary folder, which is gone afterwards."""
    with TemporaryDirectory(prefix="letterpress-bench-") as folder:
        return measured(QUICK if quick else FULL, Path(folder), own_environment("feast", REQUIREMENTS))


def measured(plan: Plan, folder: Path, environment: Environment) -> Measured:
    """Make the shop, compute, hold the contest."""
    rows = run_module("benchmarks.featuring.shop", folder, plan.recipients, settings={})["rows"]
    run_module("benchmarks.featuring.serving", folder, 0, "fit", settings={})
    asked = [*((quarters, "whole") for quarters in plan.quarters), *((plan.quarters[-1], way) for way in plan.ways)]
    runs: dict[tuple[int, str], list[Run]] = {one: [] for one in asked}
    for _ in range(plan.rounds):
        for one, found in runs.items():
            found.append(run_module("benchmarks.featuring.serving", folder, *one, settings={}))
    made = folder / "contest"
    made.mkdir()
    contest = run_module("benchmarks.featuring.contest", made, plan.impressions, plan.rounds, environment.python or "", settings={})
    sizes: dict[str, Figure] = {
        "recipients": plan.recipients, "events": rows, "categories": 12, "contest": contest["sizes"],
        "rounds": plan.rounds, "threads": 2, "feast": environment.note,
    }  # fmt: skip
    whole = {int(found[0]["rows"]): medians(found) for (_, mode), found in runs.items() if mode == "whole"}
    further = {mode: medians(found) for (_, mode), found in runs.items() if mode != "whole"}
    return Measured(sizes, figures_of(whole, further, contest))


def medians(runs: Sequence[Run]) -> Run:
    """The median of each number."""
    return {name: median(run[name] for run in runs) for name in runs[0]}


def figures_of(whole: Mapping[int, Run], further: Mapping[str, Run], contest: Mapping[str, Any]) -> dict[str, Figure]:
    """The figures of the issue, and what explains them. `whole`: runs by recipients; `further`: runs of all in other ways; `contest`:
    what its process printed."""
    smallest, largest = min(whole), max(whole)
    taken = {n: run["seconds"] for n, run in whole.items()}
    seconds = contest["seconds"]
    return {
        "seconds_1m": taken.get(1_000_000),
        "peak_mb": whole[largest]["peak_mb"],
        "speedup_vs_feast": seconds["feast"] / seconds["ours"] if "feast" in seconds else None,
        "speedup_vs_pandas": seconds["pandas"] / seconds["ours"],
        "seconds": {str(n): run["seconds"] for n, run in whole.items()},
        "cpu_s": {str(n): run["cpu_s"] for n, run in whole.items()},
        "peak_mb_by_recipients": {str(n): run["peak_mb"] for n, run in whole.items()},
        "growth": taken[largest] / largest / (taken[smallest] / smallest),
        **{f"{name}_{told}": further.get(way, _NOTHING)[name] for way, told in _WAYS.items() for name in _NOTHING},
        "contest_seconds": dict(seconds),
        "feast_differing_rows": contest["feast_differing_rows"],
        "feast_peak_mb": contest["feast_peak_mb"],
    }
