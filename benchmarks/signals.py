"""`signals`: 500 signals a second into the running server, and how soon what was decided has changed for who searched.

`letterpress serve` (SQLite, the embedded Redis) and two consumers (`letterpress signals run`) run in processes of their own. Visitors post
calls to `/v1/events`, five a request; every second one is a search by somebody who has done nothing before, the others look at products and
scroll. Who searched is looked for in the decision store until there is a decision made within the session. In the middle one of the
consumers is killed with -9, and another is started in its place, as whoever looks after processes would.

- `median_s`, `p99_s`, `worst_s`: from before the request of a search began until the changed decision could be read.
- `p99_killed_s`: the same for searches of the five seconds from one second before the kill on.
- `lost`: searches after which nothing had changed 30 seconds after the last. `left`: signals that nobody had finished by then.
- `signals_per_s`: as posted. `refused`: requests that were not answered with yes. `set_aside`: signals counted as poison.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.hooking.server import Server
from benchmarks.own_process import ROOT, FailedMeasurementError, command, environment
from benchmarks.registry import Figure, Measured
from benchmarks.signalling.visitors import Visitors, calls_of
from domain.decision import Arm
from domain.signal import SignalLag
from runtime.clock import now
from runtime.serving import signal_streams
from runtime.settings import Settings
from storage.decision_store import DecisionStore
from storage.embedded import EmbeddedRedis
from storage.lake import Lake
from storage.signals import SignalStreams

KEY = "a-key-of-the-shop"
_PATIENCE = 30.0  # seconds after the last signal


@dataclass(frozen=True, slots=True)
class Plan:
    """For how long, at what rate; one signal in `every` is a search, `batch` calls come in a request."""

    recipients: int
    seconds: int
    per_second: int = 500
    every: int = 2
    batch: int = 5
    consumers: int = 2


FULL, QUICK = Plan(40_000, 120), Plan(6_000, 15)


def measure(*, quick: bool) -> Measured:
    """Run it in a fresh temporary folder, which is gone afterwards."""
    return measured(QUICK if quick else FULL)


def measured(plan: Plan) -> Measured:
    """One plan."""
    with TemporaryDirectory(prefix="letterpress-signals-") as folder, ExitStack() as stack:
        home = Path(folder)
        redis = EmbeddedRedis(home / "var" / "redis")
        redis.start()
        stack.callback(redis.stop)
        given = {"HOME": str(home), "WRITE_KEYS": f"shop:{KEY}", "SECRET_KEY": "benchmark"}
        send_id = _furnished(plan, given)
        figures = _figures(plan, given, redis.url, send_id, stack)
    sizes: dict[str, Figure] = {"recipients": plan.recipients, "seconds": plan.seconds, "per_second": plan.per_second}
    return Measured(sizes | {"consumers": plan.consumers, "batch": plan.batch}, figures)


def _furnished(plan: Plan, given: Mapping[str, str]) -> str:
    """The home with people, a model and a refresh, made by a process of its own; returns the refresh's id."""
    arguments = command("benchmarks.signalling", plan.recipients)
    done = subprocess.run(arguments, env=environment(given), cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FailedMeasurementError(f"the shop cannot be furnished:\n{done.stderr[-2_000:]}")
    return done.stdout.strip()


def _figures(plan: Plan, given: Mapping[str, str], redis_url: str, send_id: str, stack: ExitStack) -> dict[str, Figure]:
    home = Path(given["HOME"])
    server = Server(given, home / "server.log")
    server.start()
    stack.callback(server.stop)
    streams = signal_streams(Settings(home=home))
    consumers = [_consumer(given, home, stack) for _ in range(plan.consumers)]
    _wait_for(lambda: streams.lag(now()).consumers == plan.consumers, home)
    signals = plan.seconds * plan.per_second
    searching, looking = _people(home, send_id, signals // plan.every)
    calls = calls_of(searching, looking, signals, every=plan.every, batch=plan.batch)
    visitors = Visitors(calls, port=server.port, key=KEY, per_second=plan.per_second / plan.batch, store=DecisionStore(redis_url))
    visitors.start()
    time.sleep(plan.seconds / 2)
    killed_at = time.perf_counter()
    os.kill(consumers[0].pid, signal.SIGKILL)
    _consumer(given, home, stack)
    took = visitors.join(_PATIENCE)
    lag, seen = _settle(streams), visitors.seen
    seconds, began = np.array(seen.seconds), np.array(seen.began)
    around = seconds[(began > killed_at - 1) & (began < killed_at + 4)]
    return {
        "median_s": float(np.median(seconds)),
        "p99_s": float(np.quantile(seconds, 0.99)),
        "worst_s": float(seconds.max()),
        "p99_killed_s": float(np.quantile(around, 0.99)),
        "lost": len(seen.waiting),
        "left": lag.waiting + lag.taken,
        "signals_per_s": signals / took,
        "refused": seen.refused,
        "set_aside": lag.poison,
    }


def _consumer(given: Mapping[str, str], home: Path, stack: ExitStack) -> "subprocess.Popen[bytes]":
    with (home / "consumers.log").open("ab") as log:
        process = subprocess.Popen(command("letterpress", "signals", "run"), env=environment(given), cwd=ROOT, stdout=log, stderr=log)
    stack.callback(_end, process)
    return process


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def _people(home: Path, send_id: str, searching: int) -> tuple[list[str], list[str]]:
    """Who searches and who looks around: nobody of the holdout, for whom nothing would change."""
    audience = Lake(str(home / "var" / "lake")).read("audience", {"send_id": send_id})
    ids = audience.loc[audience["arm"] != Arm.HOLDOUT.value, "recipient_id"].tolist()
    if len(ids) < searching + 1_000:
        raise FailedMeasurementError(f"{len(ids)} recipients are too few for {searching} searches")
    return ids[:searching], ids[searching:]


def _wait_for(holds: Callable[[], bool], home: Path) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        if time.monotonic() > deadline:
            raise FailedMeasurementError(f"the consumers do not start:\n{(home / 'consumers.log').read_text()[-2_000:]}")
        time.sleep(0.05)


def _settle(streams: SignalStreams) -> SignalLag:
    """How it stands once every signal is finished: what was decided goes to the lake every few seconds."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        found = streams.lag(now())
        if not found.waiting + found.taken or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


if __name__ == "__main__":
    print(json.dumps(dict(measure(quick=True).figures), indent=1))
