"""`faults`: sends of 5,000 letters that are killed with -9 at random moments and resumed, while their ESP misbehaves.

For each database and provider a send is opened and decided once by `letterpress send`; every run takes a copy of that home and its
database. `letterpress resume` hands off, in a process of its own; it is killed once to three times at moments that a seed draws: as
soon as it has claimed letters, when the ESP has taken a share of them, or while the ESP keeps back its answers about letters that it
took. Then it is resumed to its end. Meanwhile calls are throttled, answered 5xx before and after they were acted on, cut while they are
read and afterwards, answered after the client has given up, and taken in part (but for SparkPost, which does not say whom it took).
Some of the sends are worked on by two processes, of which one is killed. What is unknown at the end is looked after by the schedule's
own flow, three times at most. Then the simulated ESP's book is compared with the ledger, letter by letter. The policy is
`at_most_once` and settings are the defaults, but that Resend's and Brevo's accounts are said to allow more than the few calls per
second which would be all that is measured.

By database and provider:

- `runs`: sends that were killed at least once and finished; `two_workers`: of these, those with two processes at work.
- `duplicates`: acceptances of a message beyond its first. `lost_unlisted`: letters that the ESP never took and that the ledger lists
  neither as unknown nor as failed. `unknown`: letters listed as unknown at the end, of all runs. All three are sums over the runs.
- `counts_add_up`: runs whose account adds up with nothing pending, agrees with the ledger, and contradicts the ESP's book nowhere.
- `kills`, `open_claims`: how often a process was killed, and how many letters were claimed and not answered at those moments.
- `faults`: calls that went wrong, `resumes`: how often `letterpress resume` was run, `seconds`: the median of a run.
"""

import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.faulting.commands import Forks
from benchmarks.faulting.databases import Databases, SqliteDatabases, postgres_databases
from benchmarks.faulting.homes import Frozen, Lane, frozen, stocked
from benchmarks.faulting.killing import Run, killed_run, kills_of
from benchmarks.faulting.prefect_server import running, server_settings, variables_for
from benchmarks.faulting.providers import PROVIDERS, faults_for
from benchmarks.own_process import FailedMeasurementError
from benchmarks.registry import Figure, Measured
from simulator.esp.handle import SimulatedEsp
from storage.embedded import EmbeddedRedis

REMEMBERING = ("resend", "sparkpost", "brevo")
DATABASES = ("sqlite", "postgresql")
_TRIES = 5  # of a run whose process ended before the moment to kill it came


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to do: letters per send, runs of each provider on each database, of which so many have two workers.

    `each`: how often every kind of fault comes up in a run, about.
    """

    letters: int
    runs: int
    two_workers: int
    providers: Sequence[str]
    databases: Sequence[str] = DATABASES
    each: float = 1.0
    shards: int = 4
    seed: int = 1


FULL = Plan(5_000, runs=17, two_workers=2, providers=("sendgrid", "ses", *REMEMBERING, "smtp"))  # 12 x 17 runs
QUICK = Plan(100, runs=2, two_workers=1, providers=("sendgrid", "resend"), each=0.3, shards=2)


def measure(*, quick: bool) -> Measured:
    """Run it in a fresh temporary folder, which is gone afterwards."""
    with TemporaryDirectory(prefix="letterpress-faults-") as folder:
        server = server_settings(Path(folder) / "prefect")
        with Forks(variables_for(server)) as forks, running(server):  # which imports while that starts
            forks.await_ready()
            return measured(QUICK if quick else FULL, Path(folder), forks)


def measured(plan: Plan, folder: Path, forks: Forks) -> Measured:
    """Kill and resume, both databases side by side; the first failure, or Ctrl-C, ends both after the runs that they are at."""
    over = threading.Event()
    with ThreadPoolExecutor(len(plan.databases)) as threads:
        lanes = [threads.submit(runs_over, plan, forks, folder / name, name, over) for name in plan.databases]
        try:
            wait(lanes, return_when=FIRST_EXCEPTION)
        finally:
            over.set()
    runs = {name: lane.result() for name, lane in zip(plan.databases, lanes, strict=True)}
    return Measured(sizes_of(plan, runs), figures_of(runs))


@dataclass(slots=True)
class Cell:
    """The runs of one provider on one database."""

    runs: list[Run] = field(default_factory=list)
    two_workers: int = 0
    calls: int = 0


def runs_over(plan: Plan, forks: Forks, folder: Path, database: str, over: threading.Event) -> Mapping[str, Cell]:
    """All runs on one database, provider by provider in turns, so that the first rounds show all of them; none after it is `over`."""
    with _lane(plan, forks, folder, database) as lane:
        stock, recipients = stocked(lane, plan.letters)
        sends = {name: frozen(lane, stock, recipients, PROVIDERS[name]) for name in plan.providers}
        cells = {name: Cell(calls=_calls(send)) for name, send in sends.items()}
        for number, name in product(range(plan.runs), sends):
            if not over.is_set():
                workers = 2 if number >= plan.runs - plan.two_workers else 1
                run = _run(plan, sends[name], cells[name].calls, number, workers)
                cells[name].runs.append(run)
                cells[name].two_workers += workers == 2
                _say(f"{database} {name} {number + 1}/{plan.runs}: {run}")
    return cells


def _run(plan: Plan, send: Frozen, calls: int, number: int, workers: int) -> Run:
    """One run that was killed; a process that ended before its moment came is started over, at another moment."""
    faults = faults_for(send.provider, calls, each=plan.each)
    for attempt in range(_TRIES):
        rng = Random(f"{plan.seed}|{send.lane.databases.name}|{send.provider.name}|{number}|{attempt}")
        drawn = f"seed={rng.randrange(1 << 30)},{faults}"
        run = killed_run(send, f"run-{send.provider.name}", drawn, kills_of(rng), workers=workers)
        if run.kills:
            return run
    raise FailedMeasurementError(f"a send to {send.provider.name} ended {_TRIES} times before it could be killed")


def _calls(send: Frozen) -> int:
    """How many calls an undisturbed send takes. FailedMeasurementError if not even that adds up."""
    run = killed_run(send, f"undisturbed-{send.provider.name}", faults_for(send.provider, 0, each=0.0), [])
    if not run.verdict.adds_up or run.verdict.duplicates or run.verdict.lost_unlisted or run.verdict.unknown:
        raise FailedMeasurementError(f"an undisturbed send to {send.provider.name} does not add up: {run.verdict}")
    _say(f"{send.lane.databases.name} {send.provider.name} undisturbed: {run.calls} calls; {run.seconds:.0f} s")
    return run.calls


def _say(what: str) -> None:
    """It takes long: whoever waits sees how far it is."""
    print(what, file=sys.stderr, flush=True)


@contextmanager
def _lane(plan: Plan, forks: Forks, folder: Path, database: str) -> Iterator[Lane]:
    folder.mkdir()
    with ExitStack() as stack:
        databases: Databases = SqliteDatabases() if database == "sqlite" else stack.enter_context(postgres_databases())
        esp = stack.enter_context(SimulatedEsp.start(smtp=True, keep="counts", seed=plan.seed))
        redis = EmbeddedRedis(folder / "redis")
        redis.start()
        stack.callback(redis.stop)
        yield Lane(folder, forks, databases, esp, redis, plan.shards)


def figures_of(cells: Mapping[str, Mapping[str, Cell]]) -> dict[str, Figure]:
    """By database and provider, and for all of it."""
    every = [run for by_name in cells.values() for cell in by_name.values() for run in cell.runs]
    remembering = [run for by_name in cells.values() for name, cell in by_name.items() if name in REMEMBERING for run in cell.runs]
    total: dict[str, Figure] = {
        **_sums(every),
        "counts_add_up": all(run.verdict.adds_up for run in every),
        "unknown_where_remembered": sum(run.verdict.unknown for run in remembering),
    }
    return total | {database: {name: _cell_figures(cell) for name, cell in by_name.items()} for database, by_name in cells.items()}


def _cell_figures(cell: Cell) -> dict[str, Figure]:
    return {
        **_sums(cell.runs),
        "counts_add_up": sum(run.verdict.adds_up for run in cell.runs),
        "two_workers": cell.two_workers,
        "kills": sum(run.kills for run in cell.runs),
        "open_claims": sum(run.open_claims for run in cell.runs),
        "faults": sum(run.faults.total() for run in cell.runs),
        "resumes": sum(run.resumes for run in cell.runs),
        "seconds": round(median(run.seconds for run in cell.runs), 1),
    }


def _sums(runs: Sequence[Run]) -> dict[str, Figure]:
    return {
        "runs": len(runs),
        "duplicates": sum(run.verdict.duplicates for run in runs),
        "lost_unlisted": sum(run.verdict.lost_unlisted for run in runs),
        "unknown": sum(run.verdict.unknown for run in runs),
    }


def sizes_of(plan: Plan, cells: Mapping[str, Mapping[str, Cell]]) -> dict[str, Figure]:
    """What was worked on."""
    calls = {name: cell.calls for by_name in cells.values() for name, cell in by_name.items()}
    return {"letters": plan.letters, "shards": plan.shards, "faults_of_each_kind": plan.each, "calls": calls, "seed": plan.seed}
