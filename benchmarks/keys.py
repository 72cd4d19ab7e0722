"""`keys`: how the decision store is laid out: bytes per recipient, and how fast a publication gets in, beside the obvious ways.

Every recipient has decisions for three placements. Each layout fills an empty server of its own with the same decisions, in a process of
its own (`benchmarks/keying/layout.py`), at three sizes, in turns. Bytes are what the server says it uses more than when it was empty;
recipients per second are from ready rows in Python to the server's last answer.

- `plain`: `SET decisions:<recipient>:<placement>` with `EX`, by redis-py's pipeline: the layout anybody would begin with.
- `hash`: a hash per recipient, a field per placement. `packed`: one value per recipient with all placements.
- `bucket`: a hash per placement and bucket of 65,536, a field per recipient: what Letterpress had before.
- `chosen`: what it has (`storage/decision_layout.py`), as `DecisionStore.publish` writes it. `chosen_shards`: the same, published in shards
  of 25,000. `chosen_raw`: the same keys written by a client that has nothing to do but send them: what the server takes.
- `gib_at_50m`: GiB for 50 million recipients. For `chosen` measured at that fill (`bytes_at_50m_fill`): as many entries per hash as 50
  million make, in a 64th of the hashes; for the others projected from the largest size.
- `growth`: bytes per recipient at the largest over those at the smallest size.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from benchmarks.own_process import run_module
from benchmarks.registry import Figure, Measured

LAYOUTS = ("plain", "hash", "packed", "bucket", "chosen", "chosen_shards", "chosen_raw")
_MANY, _GIB, _PART = 50_000_000, 2**30, 64


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure: recipients by size, and rounds. `dense`: recipients in the hashes that are filled as 50 million would."""

    sizes: tuple[int, ...]
    rounds: int
    dense: int


FULL = Plan((250_000, 500_000, 1_000_000), 3, _MANY // _PART)
QUICK = Plan((5_000, 10_000, 20_000), 1, 20_000)


def measure(*, quick: bool) -> Measured:
    """Each layout in processes of its own."""
    return measured(QUICK if quick else FULL)


def measured(plan: Plan) -> Measured:
    """All layouts at all sizes, in turns."""
    runs: dict[tuple[str, int], list[Mapping[str, float]]] = {(name, size): [] for size in plan.sizes for name in LAYOUTS}
    for _ in range(plan.rounds):
        for (name, size), found in runs.items():
            found.append(run_module("benchmarks.keying.layout", name, size, settings={}))
    dense = run_module("benchmarks.keying.layout", "dense", plan.dense, settings={})
    told = {key: {one: median(run[one] for run in found) for one in found[0]} for key, found in runs.items()}
    sizes: dict[str, Figure] = {
        "recipients": {str(n): size for n, size in enumerate(plan.sizes)}, "placements": 3, "rounds": plan.rounds,
        "dense": {"recipients": plan.dense, "per_hash": dense["per_hash"]},
    }  # fmt: skip
    return Measured(sizes, figures_of(plan, told, dense["bytes_per_recipient"]))


def figures_of(plan: Plan, told: Mapping[tuple[str, int], Mapping[str, float]], dense: float) -> dict[str, Figure]:
    """The figures of the issue at the largest size, what 50 million take, and how both grow."""
    smallest, largest = min(plan.sizes), max(plan.sizes)
    figures: dict[str, Figure] = {name: dict(told[name, largest]) for name in LAYOUTS}
    per_recipient = {name: told[name, largest]["bytes_per_recipient"] for name in LAYOUTS} | {"chosen": dense}
    figures["gib_at_50m"] = {name: size * _MANY / _GIB for name, size in per_recipient.items() if not name.startswith("chosen_")}
    figures["bytes_at_50m_fill"] = dense
    figures["by_size"] = {name: {str(size): dict(told[name, size]) for size in plan.sizes} for name in LAYOUTS}
    figures["growth"] = {name: told[name, largest]["bytes_per_recipient"] / told[name, smallest]["bytes_per_recipient"] for name in LAYOUTS}
    return figures
