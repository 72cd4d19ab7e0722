"""`send`: a whole send of n, 2n and 4n recipients, and its parts against their floors.

For each size a shop is simulated (templates/weekly, four weeks of past letters), imported into a home of its own, and given a model.
Then, in turns over the sizes, a copy of each home sends once into a folder, in a process of its own (`sending/whole.py` says what
is timed and what is not). Printing and handing off alone are measured on the smallest size (`sending/letters.py`). Medians throughout.

- `decisions_per_s`: rows decided per second of the deciding stage at the largest size: features, scores, lake and decision store.
- `renders_per_s`: letters printed per second by one thread. `handoffs_per_s`: letters claimed, handed over and settled per second.
- `peak_mb`: the most memory of a sending process, largest size. `seconds`: from opening to closing, by recipients in the list.
- `us_per_letter`: microseconds a letter, by size. `growth`: that of the largest size over that of the smallest; 1 is linear.
- `cpu_us_per_letter`: the same in processor time of all threads, which a busy machine disturbs less.
- `of_floor`: our rate over the floor's, measured in turns in the same process (`sending/floors.py` says what the floors are).
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.own_process import run_module
from benchmarks.registry import Figure, Measured

WORKERS = 2  # shards side by side: the default


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure: recipients by size, ascending; recipients per shard; repetitions; letters printed and handed off alone."""

    sizes: tuple[int, ...]
    shard_size: int
    rounds: int
    folder_letters: int
    smtp_letters: int
    trained: bool = True


# Small shards, so that each size is worked on by both workers and what costs per shard shows as growth.
FULL = Plan((10_000, 20_000, 40_000), 5_000, 3, 2_000, 500)
QUICK = Plan((500, 1_000, 2_000), 250, 1, 200, 50)


@dataclass(frozen=True, slots=True)
class Whole:
    """What the repetitions of one size come to: medians of seconds by stage, processor seconds and peak memory; letters, decisions."""

    seconds: Mapping[str, float]
    cpu_s: float
    handed_off: int
    decisions: int
    peak_mb: float

    @property
    def total(self) -> float:
        """Seconds from opening to closing."""
        return sum(self.seconds.values())

    @property
    def us_per_letter(self) -> float:
        """Microseconds per letter handed off."""
        return self.total / self.handed_off * 1e6


def measure(*, quick: bool) -> Measured:
    """Run it in a fresh temporary folder, which is gone afterwards."""
    with TemporaryDirectory(prefix="letterpress-bench-") as folder:
        return measured(QUICK if quick else FULL, Path(folder))


def measured(plan: Plan, folder: Path) -> Measured:
    """Make the homes, send, print."""
    untrained = () if plan.trained else ("--untrained",)
    history = run_module("benchmarks.sending.homes", folder, *plan.sizes, *untrained, settings={"HOME": str(folder)})
    repeated: dict[int, list[dict[str, Any]]] = {size: [] for size in plan.sizes}
    for number in range(plan.rounds):
        for size, found in repeated.items():
            found.append(_send_once(folder, size, plan, keep=number == 0 and size == plan.sizes[0]))
    wholes = {size: _median(found) for size, found in repeated.items()}
    counts = plan.rounds, plan.folder_letters, plan.smtp_letters
    alone = run_module("benchmarks.sending.letters", *counts, settings=_settings(_kept(folder), plan))
    sizes: dict[str, Figure] = {
        "shard_size": plan.shard_size, "workers": WORKERS, "rounds": plan.rounds,
        "letters": {str(size): whole.handed_off for size, whole in wholes.items()},
        "past_decisions": history,
        "kilobytes_per_letter": alone["kilobytes_per_letter"],
        "letters_alone": {"folder": plan.folder_letters, "smtp": plan.smtp_letters},
    }  # fmt: skip
    return Measured(sizes, figures_of(wholes, alone))


def figures_of(wholes: Mapping[int, Whole], alone: Mapping[str, Mapping[str, float]]) -> dict[str, Figure]:
    """The figures of the issue, and what explains them. `alone`: letters per second of `letterpress` and its `floor`, by part."""
    smallest, largest = wholes[min(wholes)], wholes[max(wholes)]
    return {
        "decisions_per_s": largest.decisions / largest.seconds["decide"],
        "renders_per_s": alone["renders"]["letterpress"],
        "handoffs_per_s": {esp: alone[esp]["letterpress"] for esp in ("folder", "smtp")},
        "peak_mb": largest.peak_mb,
        "seconds": {str(size): whole.total for size, whole in wholes.items()},
        "growth": largest.us_per_letter / smallest.us_per_letter,
        "us_per_letter": {str(size): whole.us_per_letter for size, whole in wholes.items()},
        "cpu_us_per_letter": {str(size): whole.cpu_s / whole.handed_off * 1e6 for size, whole in wholes.items()},
        "peak_mb_by_size": {str(size): whole.peak_mb for size, whole in wholes.items()},
        "stages": {str(size): dict(whole.seconds) for size, whole in wholes.items()},
        "of_floor": {part: alone[part]["letterpress"] / alone[part]["floor"] for part in ("renders", "folder", "smtp")},
        "floor_per_s": {part: alone[part]["floor"] for part in ("renders", "folder", "smtp")},
    }


def _send_once(folder: Path, size: int, plan: Plan, *, keep: bool) -> dict[str, Any]:
    """One send from a copy of the size's home; `keep` leaves the copy for printing its letters again."""
    home = _kept(folder) if keep else folder / "turn"
    shutil.copytree(folder / f"home-{size}", home)
    try:
        return run_module("benchmarks.sending.whole", settings=_settings(home, plan))
    finally:
        if not keep:
            shutil.rmtree(home)


def _median(found: Sequence[Mapping[str, Any]]) -> Whole:
    stages = found[0]["seconds"]
    seconds = {stage: median(one["seconds"][stage] for one in found) for stage in stages}
    peak = median(one["peak_mb"] for one in found)
    return Whole(seconds, median(one["cpu_s"] for one in found), found[0]["handed_off"], found[0]["decisions"], peak)


def _settings(home: Path, plan: Plan) -> dict[str, str]:
    return {"HOME": str(home), "SHARD_SIZE": str(plan.shard_size), "WORKERS": str(WORKERS)}


def _kept(folder: Path) -> Path:
    return folder / "kept"
