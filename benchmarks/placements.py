"""`placements`: how fast pages get what to show, on one core, with a million recipients in the store; and what happens when Redis goes.

`letterpress serve`, as anybody starts it, with three published placements of forty variants in its database, has one core to itself.
The load comes from another process on the other core, where Redis is too. Every page has a signed token of its own; latency counts from
the instant at which a request was to leave, so a stall is charged with all that should have been asked meanwhile. Beside it, in turns and
under the same load: a plain ASGI handler that does one Redis GET on the same server, loop, parser and kind of connection (`floor`: no
tokens, no content, no placements), the same with redis-py's asyncio client (`redis_py`), and Feast's online read (`feast`: without HTTP,
one process that reads).

- `p50_ms`, `p99_ms`, `p999_ms`: at `rate` requests per second; `at_rates`: the same at others. `floor_p99_ms`, `redis_py_p99_ms`: theirs.
- `rps`: most requests per second, by server; `three`: of ours, with all three placements in one call. `rps_vs_floor`: ours over the
  floor's. `cpu_us`: processor time of the server per request, meanwhile: it says the same on a busy machine.
- `p99_while_publishing_ms`: at `rate`, while another process publishes a million decisions to the same Redis, on the other core, at low
  priority: the median of the rounds; `slowest_p99_while_publishing_ms` the worst of them. `published_per_s`: how fast it did.
- `feast_p99_ms`: of one read of three features in Redis at a time; null where Feast cannot be installed.
- `trouble`: Redis stopped (SIGSTOP), killed and started again, under half the rate: `errors` (any answer but 200, and none at all),
  `defaults`, the slowest answer (`slowest_ms`), and seconds until decisions were served again after Redis was (`recovered_s`).
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import orjson

from benchmarks.own_environment import Environment, own_environment
from benchmarks.own_process import ROOT, FailedMeasurementError, command, environment, run_module
from benchmarks.paging.processes import OTHER_CORE, Rows, Server, begin, put, serving
from benchmarks.registry import Figure, Measured
from storage.embedded import EmbeddedRedis
from storage.redis_client import client_of

REQUIREMENTS = ROOT / "benchmarks" / "paging" / "feast.txt"
_CONNECTIONS, _IN_FLIGHT = 64, 32
_OK = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure. `asked`: recipients whose pages ask; `decisions`: published under load. Seconds: at a rate (`seconds`), as fast
    as can be (`burst`), while publishing at most, of one trouble. `feast`: recipients and reads."""

    people: int
    decisions: int
    asked: int
    rate: int
    rates: tuple[int, ...]
    seconds: float
    burst: float
    rounds: int
    publishing: float
    trouble: float
    feast: tuple[int, int]


FULL = Plan(1_000_000, 1_000_000, 100_000, 1_000, (2_000, 4_000, 8_000), 30, 5, 3, 20, 12, (100_000, 20_000))
QUICK = Plan(20_000, 60_000, 5_000, 500, (1_000,), 3, 1, 1, 3, 3, (2_000, 500))


def measure(*, quick: bool) -> Measured:
    """Run it in a fresh temporary folder, which is gone afterwards."""
    with TemporaryDirectory(prefix="letterpress-bench-") as folder:
        return measured(QUICK if quick else FULL, Path(folder), own_environment("feast-redis", REQUIREMENTS))


def measured(plan: Plan, home: Path, feast: Environment) -> Measured:
    """Make the site, start the servers, ask."""
    redis = EmbeddedRedis(home / "redis")
    with ExitStack() as running:
        running.enter_context(_running(redis))
        settings = {"HOME": str(home), "DATABASE_URL": f"sqlite:///{home / 'letterpress.db'}", "REDIS_URL": redis.url}
        run_module("benchmarks.paging.site", home, redis.url, plan.people, plan.asked, settings=settings)
        servers = {
            name: running.enter_context(serving(line, settings, home / targets)) for name, (line, targets) in _servers(redis.url).items()
        }
        time.sleep(1.0)  # what starting leaves behind
        figures = _latencies(plan, servers) | _throughput(plan, servers)
        figures |= _while_publishing(plan, servers["ours"], home, settings)
        figures |= {"trouble": _troubles(plan, servers["ours"], redis), **_feast(plan, home, redis, feast)}
    sizes: dict[str, Figure] = {
        "recipients": plan.people, "placements": 3, "variants": 40, "asked_for": plan.asked, "rate": plan.rate,
        "connections": {"at_rates": _CONNECTIONS, "most": _IN_FLIGHT}, "seconds": plan.seconds, "rounds": plan.rounds, "feast": feast.note,
    }  # fmt: skip
    return Measured(sizes, figures)


def percentiles(rows: Rows) -> dict[str, float]:
    """Milliseconds."""
    p50, p99, p999 = np.percentile(rows[:, 1], [50, 99, 99.9]) * 1e3
    return {"p50_ms": float(p50), "p99_ms": float(p99), "p999_ms": float(p999)}


def _servers(url: str) -> Mapping[str, tuple[list[str], str]]:
    floor = "benchmarks.paging.floor"
    return {
        "ours": (command("letterpress", "serve", "--port", 0), "ours.txt"),
        "floor": (command(floor, "lean", url), "floor.txt"),
        "redis_py": (command(floor, "redis_py", url), "floor.txt"),
    }


def _latencies(plan: Plan, servers: Mapping[str, Server]) -> dict[str, Figure]:
    """Medians of rounds at the rate; other rates once."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in servers}
    for _ in range(plan.rounds):
        for name, server in servers.items():
            found[name].append(percentiles(begin(server, plan.rate, plan.seconds, _CONNECTIONS).result()))
    middle = {name: {one: median(run[one] for run in runs) for one in runs[0]} for name, runs in found.items()}
    others = {str(rate): percentiles(begin(servers["ours"], rate, plan.seconds, _CONNECTIONS).result()) for rate in plan.rates}
    theirs = {f"{name}_p99_ms": told["p99_ms"] for name, told in middle.items() if name != "ours"}
    return {**middle["ours"], **theirs, "at_rates": dict(others)}


def _throughput(plan: Plan, servers: Mapping[str, Server]) -> dict[str, Figure]:
    ours = servers["ours"]
    asked = {**servers, "three": Server(ours.pid, ours.port, ours.targets.with_name("three.txt"))}
    rates: dict[str, list[float]] = {name: [] for name in asked}
    costs: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(plan.rounds):
        for name, server in asked.items():
            before = server.cpu_s
            rows = begin(server, 0, plan.burst, _IN_FLIGHT).result()
            rates[name].append(len(rows) / plan.burst)
            costs[name].append((server.cpu_s - before) / len(rows) * 1e6)
    rps, cost = ({name: median(runs) for name, runs in found.items()} for found in (rates, costs))
    return {"rps_vs_floor": rps["ours"] / rps["floor"], "rps": dict(rps), "cpu_us": dict(cost)}


def _while_publishing(plan: Plan, server: Server, home: Path, settings: Mapping[str, str]) -> dict[str, Figure]:
    """Medians of rounds, and the slowest round: a publication takes some seconds, which is little time to be unlucky in."""
    rounds = [_publication(plan, server, home, settings) for _ in range(plan.rounds)]
    p99, rates = zip(*rounds, strict=True)
    return {"p99_while_publishing_ms": median(p99), "slowest_p99_while_publishing_ms": max(p99), "published_per_s": median(rates)}


def _publication(plan: Plan, server: Server, home: Path, settings: Mapping[str, str]) -> tuple[float, float]:
    """p99 in ms and decisions per second. Only requests that were to leave while it was being published count."""
    url = settings["REDIS_URL"]
    load = begin(server, plan.rate, plan.publishing, _CONNECTIONS)
    time.sleep(0.5)
    began = time.perf_counter()
    line = ["nice", "-n", "10", *command("benchmarks.paging.site", home, url, plan.decisions // 3, "again")]
    publishing = subprocess.Popen(line, env=environment(settings), cwd=ROOT, stdout=subprocess.DEVNULL)
    put(publishing.pid, OTHER_CORE)
    publishing.wait()
    ended = time.perf_counter()
    rows = load.result()
    during = rows[(rows[:, 0] >= began) & (rows[:, 0] < ended)]
    return percentiles(during)["p99_ms"], plan.decisions / (ended - began)


def _troubles(plan: Plan, server: Server, redis: EmbeddedRedis) -> dict[str, Figure]:
    """One after the other, each with a load of its own. Redis is away for a third of the time."""
    away = plan.trouble / 3

    def stopped() -> float:
        pid = redis.pid() or 0
        os.kill(pid, signal.SIGSTOP)
        time.sleep(away)
        os.kill(pid, signal.SIGCONT)
        return time.perf_counter()

    def killed() -> float:
        os.kill(redis.pid() or 0, signal.SIGKILL)
        time.sleep(away)
        redis.start()
        put(redis.pid() or 0, OTHER_CORE)
        return time.perf_counter()

    return {"stopped": _trouble(plan, server, stopped), "killed": _trouble(plan, server, killed)}


def _trouble(plan: Plan, server: Server, make: Callable[[], float]) -> dict[str, Figure]:
    load = begin(server, plan.rate / 2, 2 * plan.trouble, _CONNECTIONS)
    time.sleep(plan.trouble / 3)
    back = make()
    rows = load.result()
    after = rows[(rows[:, 0] >= back) & (rows[:, 3] == 1)]
    return {
        "requests": len(rows),
        "errors": int((rows[:, 2] != _OK).sum()),
        "defaults": int((rows[:, 3] == 0).sum()),
        "slowest_ms": float(rows[:, 1].max() * 1e3),
        "recovered_s": float(after[:, 0].min() - back) if len(after) else None,
    }


def _feast(plan: Plan, home: Path, redis: EmbeddedRedis, feast: Environment) -> dict[str, Figure]:
    if feast.python is None:
        return {"feast_p99_ms": None}
    people, reads = plan.feast
    folder = home / "feast"
    folder.mkdir()
    found = _read_by_feast(feast.python, folder, redis, people, reads)
    return {"feast_p99_ms": found["p99_ms"], "feast": dict(found)}


def _read_by_feast(python: Path, folder: Path, redis: EmbeddedRedis, people: int, reads: int) -> dict[str, float]:
    """Feast knows no Unix sockets: the same server listens on a port of this machine for it."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    with client_of(redis.url, timedelta(seconds=5)) as client:
        client.config_set("bind", "127.0.0.1")
        client.config_set("port", port)
    script = ROOT / "benchmarks" / "paging" / "feast_reader.py"
    line = [str(python), str(script), str(folder), str(port), str(people), str(reads)]
    done = subprocess.run(line, check=False, capture_output=True, text=True, env=environment({}))
    if done.returncode:
        raise FailedMeasurementError(f"Feast failed:\n{done.stderr[-2_000:]}")
    found: dict[str, float] = orjson.loads(done.stdout.strip().splitlines()[-1])
    return found


@contextmanager
def _running(redis: EmbeddedRedis) -> Iterator[None]:
    redis.start()
    put(redis.pid() or 0, OTHER_CORE)
    try:
        yield
    finally:
        if pid := redis.pid():
            os.kill(pid, signal.SIGCONT)
        redis.stop()
