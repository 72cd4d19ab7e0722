"""Commands as processes: started from a forking process (`forks.py`), watched, killed, waited for."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from benchmarks.faulting.forks import COMMAND_LINE
from benchmarks.own_process import ROOT, FailedMeasurementError, command, environment

PATIENCE = 300.0  # seconds that anything may take before the measurement is given up as hung
_NUMBERS = count(1)
_AS_THEY_ARE: Mapping[str, object] = {}


def wait_until(holds: Callable[[], object], what: str, *, every: float = 0.01) -> None:
    """Return as soon as the condition holds. FailedMeasurementError if it never does."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise FailedMeasurementError(f"waited {PATIENCE:.0f} s for {what}")
        time.sleep(every)


class Forks:
    """The forking process; several threads may ask it. `prefect`: the variables under which its children find their server."""

    def __init__(self, prefect: Mapping[str, str]) -> None:
        self.environment = environment({}) | dict(prefect) | _no_pictures()
        self._process = subprocess.Popen(
            command("benchmarks.faulting.forks"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self.environment,
            cwd=ROOT,
        )
        self._turn = threading.Lock()

    def await_ready(self) -> None:
        """Return when it has imported everything. FailedMeasurementError if it cannot."""
        self._answer()

    def ask(self, request: Mapping[str, object]) -> Any:
        """The answer to a request."""
        with self._turn:
            if not self._process.stdin:
                raise RuntimeError("started without a pipe")
            self._process.stdin.write(orjson.dumps(request).decode() + "\n")
            self._process.stdin.flush()
            return self._answer()

    def _answer(self) -> Any:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise FailedMeasurementError("the process that starts the commands ended")
        return orjson.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait(PATIENCE)


def _no_pictures() -> dict[str, str]:
    """A PATH without the browser that would take a picture of a letter at the end of each send, which costs more than the rest of it."""
    return {"PATH": str(Path(sys.executable).parent)} if Path("/proc/self").exists() else {}  # elsewhere `ps` has to be found


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Its standard output as the JSON document that --json promises. FailedMeasurementError if it failed."""
        if self.code:
            raise FailedMeasurementError(f"a command failed with {self.code}:\n{self.err[-2_000:]}")
        return orjson.loads(self.out)


@dataclass
class Running:
    """A command that was started."""

    forks: Forks
    pid: int
    out: Path
    err: Path
    code: int | None = None

    def over(self) -> bool:
        """Whether it has ended."""
        if self.code is None:
            self.code = self.forks.ask({"pid": self.pid})
        return self.code is not None

    def ended(self) -> Ended:
        """Wait for its end."""
        wait_until(self.over, "a command to end", every=0.02)
        return Ended(self.code if self.code is not None else -1, self.out.read_text(), self.err.read_text())

    def kill(self) -> bool:
        """SIGKILL: no handler runs, nothing is flushed. False if it ended before."""
        if self.over():
            return False
        os.kill(self.pid, signal.SIGKILL)
        return self.ended().code == -signal.SIGKILL


@dataclass(frozen=True, slots=True)
class Desk:
    """A home, its settings, and where its commands' output goes."""

    forks: Forks
    home: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    def start(self, *arguments: str, module: str = COMMAND_LINE, settings: Mapping[str, object] = _AS_THEY_ARE) -> Running:
        """Start `letterpress ARGUMENTS`, or a module's `main`, with further settings."""
        folder = self.home / "said"
        folder.mkdir(exist_ok=True)
        number = next(_NUMBERS)
        out, err = (folder / f"{number}.{kind}" for kind in ("out", "err"))
        given = dict(self.settings) | {name.upper(): str(value) for name, value in settings.items()} | {"HOME": str(self.home)}
        request = {
            "module": module,
            "arguments": arguments,
            "environment": self.forks.environment | {f"LETTERPRESS_{name}": text for name, text in given.items()},
            "folder": str(self.home),
            "out": str(out),
            "err": str(err),
        }
        return Running(self.forks, self.forks.ask(request), out, err)

    def run(self, *arguments: str, **settings: object) -> Ended:
        """Run `letterpress ARGUMENTS` to its end, with further settings."""
        return self.start(*arguments, settings=settings).ended()
