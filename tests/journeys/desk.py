"""A desk to work at: a home of its own, and the command line run in it as a user would."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.faulting.forks import COMMAND_LINE

PATIENCE = 60.0  # seconds; how long anything may take before a test is given up as hung
_BINARY = Path(sys.executable).with_name("letterpress")
_NUMBERS = count(1)


def wait_until(holds: Callable[[], object], what: str) -> None:
    """Return as soon as the condition holds; an AssertionError if it never does."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"waited {PATIENCE:.0f} s for {what}"
        time.sleep(0.01)


class Forks:
    """The process that has imported everything and forks for each command."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        command = [sys.executable, "-m", "benchmarks.faulting.forks"]
        self.prefect = {name: text for name, text in environment.items() if name.startswith("PREFECT_")}
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(environment))

    def ask(self, request: Mapping[str, object] | None) -> Any:
        """The answer to a request; to None, the word that it is ready."""
        assert self._process.stdin and self._process.stdout
        if request is not None:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def end(self) -> None:
        """Close its input, which ends it."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(PATIENCE)


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its standard output as the one JSON document that --json promises."""
        return json.loads(self.out)


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

    def ended(self) -> Ran:
        """Wait for its end."""
        wait_until(self.over, "the command to end")
        assert self.code is not None
        return Ran(self.code, self.out.read_text(), self.err.read_text())

    def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is flushed."""
        assert not self.over(), f"it ended before it could be killed: {self.err.read_text()}"
        os.kill(self.pid, signal.SIGKILL)
        assert self.ended().code == -signal.SIGKILL


@dataclass
class Desk:
    """A home, the settings in its environment, and commands run there."""

    home: Path
    forks: Forks
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def campaign(self) -> Path:
        """The folder of the campaign `news`."""
        return self.home / "templates" / "news"

    def set(self, **settings: object) -> None:
        """Settings for the commands that follow."""
        self.environment |= {f"LETTERPRESS_{name.upper()}": str(value) for name, value in settings.items()}

    def start(self, *arguments: str) -> Running:
        """Start a command."""
        out, err = (self.home / f"{next(_NUMBERS)}.{kind}" for kind in ("out", "err"))
        environment = {name: text for name, text in os.environ.items() if not name.startswith("LETTERPRESS_")}
        request = {
            "module": COMMAND_LINE,
            "arguments": arguments,
            "environment": environment | self.forks.prefect | {"LETTERPRESS_HOME": str(self.home), "COLUMNS": "200"} | self.environment,
            "folder": str(self.home),
            "out": str(out),
            "err": str(err),
        }
        return Running(self.forks, self.forks.ask(request), out, err)

    def run(self, *arguments: str) -> Ran:
        """Run a command to its end."""
        return self.start(*arguments).ended()

    def exec(self, *arguments: str) -> Ran:
        """Run the installed script itself, imports and all."""
        environment = os.environ | {"LETTERPRESS_HOME": str(self.home)} | self.environment
        done = subprocess.run([_BINARY, *arguments], env=environment, cwd=self.home, capture_output=True, text=True, check=False)
        return Ran(done.returncode, done.stdout, done.stderr)

    def does(self, *arguments: str) -> Ran:
        """Run a command that has to succeed."""
        ran = self.run(*arguments)
        assert ran.code == 0, ran.err + ran.out
        return ran

    def refused(self, *arguments: str) -> str:
        """Run a command that has to be refused: exit code 2, one message without a traceback, nothing on standard output."""
        ran = self.run(*arguments)
        assert (ran.code, ran.out) == (2, ""), ran
        assert "Traceback" not in ran.err and ran.err.strip(), ran.err
        return ran.err

    def status(self) -> Any:
        """What `status --json` says of the latest send."""
        return self.does("status", "--json").json

    def finished(self, stage: str) -> int:
        """How many shards of a stage are done, of all sends; -1 while there is no send. Read from SQLite: quick enough to watch with."""
        with closing(sqlite3.connect(f"file:{self.home}/var/letterpress.db?mode=ro", uri=True)) as database:
            [[sends]] = database.execute("SELECT count(*) FROM sends")
            [[shards]] = database.execute("SELECT count(*) FROM send_shards WHERE stage = ?", [stage])
        return int(shards) if sends else -1

    @property
    def sends(self) -> bool:
        """Whether any send was opened."""
        return self.finished("audience") >= 0
