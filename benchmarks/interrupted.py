"""`interrupted`: every flow of the loop is killed with SIGKILL before each step that lasts, and run again. Does it end the same?

A simulated shop sends its weekly letter, hears back, retrains, lets the candidate decide in the shadow, serves it, and rolls it back. Each
flow begins in a copy of the house as the story left it. It runs undisturbed once, which tells how many steps there are that last (commits,
files of the lake, batches for the decision store), and once more, which must change nothing. Then, for each of these steps, another copy is
killed right before it and the flow run again. All that the house keeps is compared: each table, each file of the lake byte by byte, and
what is published. The clock stands still meanwhile.

- `kills`: processes killed, over all flows; `same`: of those, after how many the second run ended as the undisturbed one.
- `repeated_same`: flows that changed nothing when they were run again; `flows`: how many there are.
- `steps`: steps that last, by flow; `differs`: what was not the same, by flow.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.faulting.commands import Desk, Forks
from benchmarks.faulting.prefect_server import running, server_settings, variables_for
from benchmarks.interrupting.acts import STORY, Act, furnish
from benchmarks.own_process import FailedMeasurementError
from benchmarks.registry import Figure, Measured
from runtime.services import embedded_redis
from runtime.settings import Settings

FULL, QUICK = 1_400, 700  # recipients
_QUICKLY = ("score machines", "attribute outcomes")
_SIGKILL = -9
ACTOR = "benchmarks.interrupting.actor"


@dataclass(slots=True)
class Tried:
    """What became of a flow: steps that last, kills, and what differed afterwards by where it was killed; 0: run twice."""

    steps: int = 0
    kills: int = 0
    differs: dict[int, Sequence[str]] = field(default_factory=dict)


def measure(*, quick: bool) -> Measured:
    """Run it."""
    with tempfile.TemporaryDirectory(prefix="lp-") as folder:
        tried = dict(told(Path(folder), recipients=QUICK if quick else FULL, only=_QUICKLY if quick else None))
    return Measured({"recipients": QUICK if quick else FULL, "steps": {name: one.steps for name, one in tried.items()}}, figures_of(tried))


def figures_of(tried: Mapping[str, Tried]) -> dict[str, Figure]:
    """The figures. FailedMeasurementError if nothing was ever killed."""
    kills = sum(one.kills for one in tried.values())
    if not kills:
        raise FailedMeasurementError("no flow was killed")
    differs = {name: "; ".join(f"step {at}: {', '.join(what)}" for at, what in one.differs.items()) for name, one in tried.items()}
    return {
        "flows": len(tried),
        "kills": kills,
        "same": kills - sum(1 for one in tried.values() for at in one.differs if at),
        "repeated_same": sum(0 not in one.differs for one in tried.values()),
        "differs": {name: said for name, said in differs.items() if said},
    }


def told(folder: Path, *, recipients: int, only: Sequence[str] | None = None) -> Iterator[tuple[str, Tried]]:
    """Tell the story; each flow with what became of it. With `only`, the story ends with the last of these and tries no other."""
    server, home = server_settings(folder / "prefect"), folder / "h"
    furnish(home)
    with running(server), Forks(variables_for(server)) as forks:
        forks.await_ready()
        forks.environment = forks.environment | {"SHOP_RECIPIENTS": str(recipients)}
        stage = Stage(folder, forks)
        for act in _wanted(only):
            if act.flow and (only is None or act.name in only):
                yield act.name, stage.tried(home, act)
            stage.act(home, act)
        stage.close(home)


def _wanted(only: Sequence[str] | None) -> Sequence[Act]:
    last = max((at for at, act in enumerate(STORY) if only is None or act.name in only), default=-1)
    return STORY[: last + 1]


@dataclass
class Stage:
    """Where acts are run, each in a process of its own."""

    folder: Path
    forks: Forks

    def act(self, home: Path, act: Act) -> int:
        """Run an act to its end; how many steps lasted."""
        return int(self._desk(home).start(act.name, "0", module=ACTOR).ended().document["steps"])

    def kept(self, home: Path) -> Mapping[str, str]:
        """Digests of what the house keeps."""
        found: Mapping[str, str] = self._desk(home).start("kept", module=ACTOR).ended().document
        return found

    def tried(self, home: Path, act: Act) -> Tried:
        """Kill a flow before each of its steps, in copies of the house."""
        found = Tried()
        with self._copied(home) as copy:
            found.steps = self.act(copy, act)
            wanted = self.kept(copy)
            self.act(copy, act)
            self._compare(found, 0, wanted, self.kept(copy))
        for step in range(1, found.steps + 1):
            with self._copied(home) as copy:
                if self._desk(copy).start(act.name, str(step), module=ACTOR).ended().code != _SIGKILL:
                    raise FailedMeasurementError(f"{act.name} ended before its step {step}")
                found.kills += 1
                self.act(copy, act)
                self._compare(found, step, wanted, self.kept(copy))
        print(f"{act.name}: {found.steps} steps, {found.kills} kills, {len(found.differs)} differ", file=sys.stderr, flush=True)
        return found

    def close(self, home: Path) -> None:
        """End what a home has running."""
        embedded_redis(Settings(home=home)).stop()

    def _compare(self, found: Tried, step: int, wanted: Mapping[str, str], kept: Mapping[str, str]) -> None:
        if names := sorted(name for name in wanted.keys() | kept.keys() if wanted.get(name) != kept.get(name)):
            found.differs[step] = names

    def _desk(self, home: Path) -> Desk:
        return Desk(self.forks, home, {"LABELS_CLOSE_DAYS": "0", "SHARD_SIZE": "500", "SECRET_KEY": "benchmark"})

    @contextmanager
    def _copied(self, home: Path) -> Iterator[Path]:
        """A copy of a home, gone afterwards with what it has running."""
        self.close(home)  # its file is whole then
        copy = self.folder / "c"
        shutil.copytree(home, copy, ignore=shutil.ignore_patterns("said"))
        try:
            yield copy
        finally:
            self.close(copy)
            shutil.rmtree(copy)
