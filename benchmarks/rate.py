"""`rate`: two processes at one account's pace, and what a storm of throttling leaves of it.

A simulated Mailjet (one more process) takes letters of 2 kB, up to 50 in a call, from two processes that share one database and one
Redis. First the account is said to allow `asked` letters per second. Then nothing is said, and the ESP itself takes no more than `limit`
per second: the rate has to be found out by what it throttles. In the middle of that everything is throttled for a while: the storm.
What arrived, and when, is the ESP's own account.

- `asked`, `delivered`: letters per second; `error`: how far the second is from the first. `most_in_a_second`: of any second.
- `found`: letters per second that got through against the ESP's own limit, before the storm, and their share of it; `throttled`:
  the share of calls that were refused by then. The simulated limit lets a large call through when it has room for any of it.
- `storm`: letters `lost` (neither arrived nor put off for later) and `duplicates`; letters per second `before` it and `after`,
  when it is over and has been made up for; `recovered_s`: seconds from its end until a second with 80 % of `before`.
"""

import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from benchmarks.own_process import ROOT, FailedMeasurementError, command, environment
from benchmarks.registry import Figure, Measured
from simulator.esp.handle import SimulatedEsp
from storage.database import Database
from storage.embedded import EmbeddedRedis
from storage.migrations import migrate

PROCESSES = 2
_ADDRESS = "mailjet://KEY:SECRET@{host}"
_PROVIDER = "mailjet"
_NEARLY = 0.8


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure. Seconds: at the rate that is asked; before, in and after the storm."""

    asked: int
    seconds: float
    before: float
    storm: float
    after: float


FULL = Plan(asked=200, seconds=20, before=20, storm=6, after=30)
QUICK = Plan(asked=200, seconds=6, before=6, storm=2, after=12)


@dataclass(frozen=True, slots=True)
class Arrived:
    """What the ESP has: when each letter came, in order (seconds), and how many came twice."""

    at: Sequence[float]
    duplicates: int

    def between(self, since: float, until: float) -> float:
        """Letters per second in a stretch."""
        return sum(since <= at < until for at in self.at) / (until - since)


@dataclass(frozen=True, slots=True)
class Storm:
    """When it began and ended, and how many calls the ESP had got before, and refused of them."""

    began: float
    ended: float
    calls: int
    refused: int


def measure(*, quick: bool) -> Measured:
    """Run it in a fresh temporary folder, which is gone afterwards."""
    with TemporaryDirectory(prefix="letterpress-bench-") as folder:
        return measured(QUICK if quick else FULL, Path(folder))


def measured(plan: Plan, folder: Path) -> Measured:
    """Both parts, each with a database and an ESP of its own."""
    redis = EmbeddedRedis(folder / "redis")
    redis.start()
    try:
        steady, _ = _handed_off(folder / "steady", redis, plan.asked, int(plan.asked * plan.seconds), lambda _esp: None)
        count = int(plan.asked * (plan.before + plan.after))
        storms: list[Storm] = []
        stormy, counts = _handed_off(folder / "stormy", redis, 0, count, lambda esp: storms.append(_storm(esp, plan)), limit=plan.asked)
    finally:
        redis.stop()
    sizes: dict[str, Figure] = {
        "processes": PROCESSES, "letters": {"steady": int(plan.asked * plan.seconds), "storm": count}, "limit": plan.asked,
        "seconds": {"steady": plan.seconds, "before": plan.before, "storm": plan.storm},
    }  # fmt: skip
    return Measured(sizes, figures_of(plan.asked, steady, stormy, storms[0], count - counts["deferred"]))


def figures_of(asked: int, steady: Arrived, stormy: Arrived, storm: "Storm", due: int) -> dict[str, Figure]:
    """The figures. `due`: letters that should have arrived in spite of the storm."""
    began, ended = storm.began, storm.ended
    span = steady.at[-1] - steady.at[0]
    delivered = (len(steady.at) - 1) / span
    settled = stormy.at[0] + (began - stormy.at[0]) / 3  # the limit is being found before
    before = stormy.between(settled, began)
    recovered = next((at for at in _seconds(ended, stormy.at[-1]) if stormy.between(at, at + 1) >= _NEARLY * before), stormy.at[-1])
    after = stormy.between(recovered, stormy.at[-1] - 1) if stormy.at[-1] - 1 > recovered else 0.0
    return {
        "asked": asked,
        "delivered": delivered,
        "error": delivered / asked - 1,
        "most_in_a_second": max(Counter(int(at - steady.at[0]) for at in steady.at).values()),
        "found": {"limit": asked, "delivered": before, "share": before / asked, "throttled": storm.refused / storm.calls},
        "storm": {
            "seconds": ended - began,
            "lost": due - len(stormy.at),
            "duplicates": stormy.duplicates,
            "before": before,
            "after": after,
            "recovered_s": recovered - ended,
        },
    }


def _seconds(since: float, until: float) -> list[float]:
    """Instants a tenth of a second apart."""
    return [since + tenth / 10 for tenth in range(max(0, int((until - since) * 10)))]


def _handed_off(
    folder: Path, redis: EmbeddedRedis, rate: int, count: int, meanwhile: Callable[[SimulatedEsp], None], *, limit: int = 0
) -> tuple[Arrived, Counter[str]]:
    """Two processes hand off so many letters; what arrived, and what they say of it."""
    folder.mkdir()
    url = f"sqlite:///{folder / 'letterpress.db'}"
    database = Database(url)
    migrate(database)
    database.dispose()
    with SimulatedEsp.start(keep="hashes", faults=_faults(limit)) as esp:
        address = _ADDRESS.format(host=esp.host)
        shares = [count * (number + 1) // PROCESSES - count * number // PROCESSES for number in range(PROCESSES)]
        workers = [_worker(url, redis.url, address, rate, shard, share) for shard, share in enumerate(shares)]
        meanwhile(esp)
        counts = sum((Counter(_ended(worker)) for worker in workers), Counter[str]())
        return _arrived(esp), counts


def _worker(*arguments: object) -> "subprocess.Popen[str]":
    line = command("benchmarks.rates.worker", *arguments)
    return subprocess.Popen(line, env=environment({}), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _ended(worker: "subprocess.Popen[str]") -> dict[str, Any]:
    said, complained = worker.communicate()
    if worker.returncode:
        raise FailedMeasurementError(f"a worker failed:\n{complained[-2_000:]}")
    counts: dict[str, Any] = orjson.loads(said)
    return counts


def _arrived(esp: SimulatedEsp) -> Arrived:
    counts = esp.counts(_PROVIDER)
    at = sorted(message.at for message in esp.messages(provider=_PROVIDER, content=False))
    return Arrived(at, counts.duplicates)


def _storm(esp: SimulatedEsp, plan: Plan) -> Storm:
    """Let it flow, then throttle everything for a while."""
    while not esp.counts(_PROVIDER).messages:
        time.sleep(0.05)
    time.sleep(plan.before)
    calls, refused = esp.counts(_PROVIDER).calls, esp.faults_that_happened(_PROVIDER).get("throttle", 0)
    began = time.time()
    esp.set_faults(f"{_faults(plan.asked)},throttle=1")
    time.sleep(plan.storm)
    esp.set_faults(_faults(plan.asked))
    return Storm(began, time.time(), calls, refused)


def _faults(limit: int) -> str:
    """The ESP's own limit; no Retry-After, as with most of them."""
    return f"limit={limit},retry_after=0"
