"""`scoring`: every recipient against every variant, beside `Booster.predict` and lleaves.

A forest of 300 trees of 31 leaves over 40 features (`scorers/made.py`) is trained; then all score in turns in one run, each on one
thread; processor time, medians. Letterpress is timed as a send calls it (`ranking.scoring.scorer.score`: from features and variants to
calibrated rates). The others get their rows assembled beforehand, untimed, and only a sample of the recipients, which their time per
pair is told from; lleaves runs in an environment of its own, in the same turns.

- `speedup_vs_predict`, `speedup_vs_lleaves`: their processor time per pair over ours at 200,000 × 40. null: lleaves is not there.
- `max_rel_error`: the largest relative difference of our sums from `Booster.predict`'s on its sample.
- `ns_per_pair`: ours; `ns_per_pair_of`: theirs.
- `peak_mb`: the most memory of a process that makes the features of a million recipients and scores them against 40 variants.
- `seconds_by_recipients`, `seconds_by_variants`: ours. `growth_by_recipients`: time per recipient at the largest number of them over
  that at the smallest. `growth_by_variants`: time per further variant between the two largest numbers of them over that between the
  two smallest; what a recipient costs whatever the number of variants is left out. 1 is linear.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from benchmarks.own_environment import Environment, own_environment
from benchmarks.own_process import ROOT, run_module
from benchmarks.registry import Figure, Measured
from benchmarks.scorers.contest import Contest

REQUIREMENTS = ROOT / "benchmarks" / "scorers" / "lleaves.txt"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure: pairs to train on, the contest, and recipients in memory."""

    training_pairs: int
    contest: Contest
    in_memory: int


FULL = Plan(300_000, Contest((100_000, 200_000, 400_000), (20, 40, 80), (200_000, 40), 2_000, 10_000, 5), 1_000_000)
QUICK = Plan(60_000, Contest((5_000, 10_000, 20_000), (20, 40, 80), (20_000, 40), 300, 1_000, 3), 50_000)


def measure(*, quick: bool) -> Measured:
    """Run it in a fresh temporary folder, which is gone afterwards."""
    with TemporaryDirectory(prefix="letterpress-bench-") as folder:
        return measured(QUICK if quick else FULL, Path(folder), own_environment("lleaves", REQUIREMENTS))


def measured(plan: Plan, folder: Path, environment: Environment) -> Measured:
    """Train, take turns, look at memory."""
    contest = plan.contest
    count = contest.main[1]
    forest = run_module("benchmarks.scorers.forest", folder, count, plan.training_pairs, settings={})
    asked = orjson.dumps(asdict(contest)).decode()
    found = run_module("benchmarks.scorers.contest", folder, asked, environment.python or "", settings={})
    memory = run_module("benchmarks.scorers.memory", folder, plan.in_memory, count, settings={})
    sizes: dict[str, Figure] = {
        "recipients": contest.main[0], "variants": count, "features": {"recipient": 25, "recipient x category": 5, "variant": 10},
        "forest": forest, "recipients_of": {"predict": contest.predict, "lleaves": contest.lleaves if environment.python else 0},
        "recipients_in_memory": plan.in_memory, "rounds": contest.rounds, "threads": 1, "lleaves": environment.note,
    }  # fmt: skip
    return Measured(sizes, figures_of(contest, found["seconds"], found["max_rel_error"], memory))


def figures_of(contest: Contest, seconds: Mapping[str, float], errors: Mapping[str, float], memory: Mapping[str, Any]) -> dict[str, Figure]:
    """The figures of the issue, and what explains them. `seconds`: medians by contestant, ours by `RECIPIENTSxVARIANTS`."""
    recipients, count = contest.main
    mine = seconds[f"{recipients}x{count}"] / recipients / count * 1e9
    others = {
        name: seconds[name] / pairs / count * 1e9
        for name, pairs in (("predict", contest.predict), ("lleaves", contest.lleaves))
        if name in seconds
    }
    by_recipients = {n: seconds[f"{n}x{count}"] for n in contest.recipients}
    by_variants = {v: seconds[f"{recipients}x{v}"] for v in contest.variants}
    return {
        "speedup_vs_predict": others["predict"] / mine,
        "speedup_vs_lleaves": others["lleaves"] / mine if "lleaves" in others else None,
        "max_rel_error": errors["letterpress"],
        "ns_per_pair": mine,
        "peak_mb": memory["peak_mb"],
        "seconds_by_recipients": {str(n): taken for n, taken in by_recipients.items()},
        "seconds_by_variants": {str(v): taken for v, taken in by_variants.items()},
        "growth_by_recipients": _growth(by_recipients),
        "growth_by_variants": _increase(by_variants),
        "ns_per_pair_of": dict(others),
        "max_rel_error_of_lleaves": errors.get("lleaves"),
        "memory_mb": {name: float(value) for name, value in memory.items()},
    }


def _growth(seconds: Mapping[int, float]) -> float:
    """Time per thing at the largest number of them over that at the smallest."""
    small, large = min(seconds), max(seconds)
    return seconds[large] / large / (seconds[small] / small)


def _increase(seconds: Mapping[int, float]) -> float:
    """Time per further thing between the two largest numbers over that between the two smallest."""
    *_, before, largest = numbers = sorted(seconds)
    smallest, after = numbers[:2]
    late, early = (seconds[largest] - seconds[before]) / (largest - before), (seconds[after] - seconds[smallest]) / (after - smallest)
    return late / early
