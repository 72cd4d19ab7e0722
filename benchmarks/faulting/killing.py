"""One run: a copy of a frozen send is handed off, killed at random moments, resumed to its end, and judged."""

import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from benchmarks.faulting.commands import Desk, Ended, Running, wait_until
from benchmarks.faulting.homes import Frozen
from benchmarks.faulting.judging import Verdict, judge, letters_of, statuses_of
from benchmarks.faulting.providers import holding
from benchmarks.own_process import FailedMeasurementError
from domain.ids import MessageId
from domain.message import MessageStatus
from simulator.esp.handle import SimulatedEsp
from storage.database import Database

_PAUSED = 2  # the exit code of a command whose ESP does not take anything at the moment
_MOST_RESUMES = 20
_PASSES = 3  # of the reconciliation after the end of a send; by itself it goes on for days
_NEXT = 0.1  # seconds: a kill comes somewhere between two looks at the book


class Moment(StrEnum):
    """When a process is killed."""

    CLAIMED = "claimed"  # as soon as it has claimed its first letters
    TAKEN = "taken"  # when the ESP has taken a share of what was left
    HELD = "held"  # then, and while the ESP keeps back the answers about letters that it took


@dataclass(frozen=True, slots=True)
class Kill:
    """A moment: `share` of the letters that the ESP did not have when the process began, and `later` seconds."""

    moment: Moment
    share: float
    later: float


@dataclass(frozen=True, slots=True)
class Run:
    """A send that reached its end. `open_claims`: letters that were claimed and not answered at the kills; `resumes`: with the last."""

    verdict: Verdict
    kills: int
    open_claims: int
    resumes: int
    calls: int
    seconds: float
    faults: Counter[str]

    def __str__(self) -> str:
        found = self.verdict
        adds_up = "adds up" if found.adds_up else "DOES NOT ADD UP"
        why = "".join(f" ({count} {reason})" for reason, count in found.reasons.items())
        letters = f"{found.duplicates} duplicates, {found.lost_unlisted} lost, {found.unknown} unknown{why}"
        return f"{self.kills} kills, {self.resumes} resumes, {self.faults.total()} faults: {letters}; {adds_up}; {self.seconds:.0f} s"


def kills_of(rng: random.Random) -> list[Kill]:
    """One kill, or two (one run in four), or three (one in twelve)."""
    count = 1 + (rng.random() < 1 / 3) * (1 + (rng.random() < 1 / 4))
    return [Kill(rng.choices(tuple(Moment), (1, 2, 1))[0], rng.uniform(0.0, 0.95), rng.uniform(0.0, _NEXT)) for _ in range(count)]


def killed_run(frozen: Frozen, name: str, faults: str, kills: Sequence[Kill], *, workers: int = 1) -> Run:
    """Hand off, kill, resume. `workers`: processes at work on the send together, of which the first is killed once."""
    lane, began = frozen.lane, time.monotonic()
    with lane.copied(frozen.home, name) as home:
        desk = lane.desk(home, frozen.provider, frozen.recipients)
        letters = letters_of(home, frozen.send_id)
        database = Database(desk.settings.get("DATABASE_URL", f"sqlite:///{home / 'var' / 'letterpress.db'}"))
        lane.forget()
        work = _Work(frozen, desk, database, faults, len(letters))
        if workers > 1:
            work.in_company(kills[0])
        for kill in kills if workers == 1 else ():
            work.until_killed(kill)
        work.to_the_end()
        work.reconcile()
        account = desk.run("status", frozen.send_id, "--json").document["account"]
        verdict = judge(letters, lane.esp.accepted(frozen.provider.name), statuses_of(database, frozen.send_id), account)
        database.dispose()
    return Run(verdict, work.killed, work.open_claims, work.resumes, work.calls, time.monotonic() - began, work.faults_met)


@dataclass(slots=True)
class _Work:
    """The processes of one run, one after the other."""

    frozen: Frozen
    desk: Desk
    database: Database
    faults: str
    letters: int
    killed: int = 0
    open_claims: int = 0
    resumes: int = 0
    passes: int = 0  # of the reconciliation
    calls: int = 0
    faults_met: Counter[str] = field(default_factory=Counter)

    @property
    def _esp(self) -> SimulatedEsp:
        return self.frozen.lane.esp

    def until_killed(self, kill: Kill) -> None:
        """Resume, and kill; a command that ends before the moment comes is let be."""
        self._set(self.faults)
        had, running = self._taken(), self._resume()
        self._await(kill, running, had)
        self._kill(running)

    def in_company(self, kill: Kill) -> None:
        """Two workers on the send; the first is killed, the other goes on to the end of its work."""
        self._set(self.faults)
        first = self._worker("first")
        wait_until(lambda: self._taken() or first.over(), "the first worker's first letter")
        second = self._worker()
        self._await(kill, first, 0)
        self._kill(first)
        self._set(self.faults)
        self._fine(second)

    def to_the_end(self) -> None:
        """Resume until the send is finished. FailedMeasurementError if it never is."""
        self._set(self.faults)
        while self.resumes < _MOST_RESUMES:
            ended = self._fine(self._resume())
            if ended.code == 0 and ended.document["status"] == "finished":
                return
        where = f"a send to {self.frozen.provider.name}"
        raise FailedMeasurementError(f"{where} is not finished after {self.resumes} resumes: {ended.err[-500:] or ended.out[-500:]}")

    def reconcile(self) -> None:
        """Let the schedule's flow look after what is unknown, where there is anything to find out. FailedMeasurementError if it breaks."""
        while self.passes < _PASSES and (self.frozen.provider.remembers or self.frozen.provider.tells) and self._unknown():
            self.passes += 1
            ended = self.desk.start(module="benchmarks.faulting.schedule").ended()
            if ended.code:
                raise FailedMeasurementError(f"the reconciliation ended with {ended.code}:\n{ended.err[-2_000:]}")
        self._count()

    def _unknown(self) -> bool:
        return MessageStatus.UNKNOWN in statuses_of(self.database, self.frozen.send_id).values()

    @staticmethod
    def _fine(running: Running) -> Ended:
        """The end of a command that may have paused, but not broken."""
        ended = running.ended()
        if ended.code not in (0, _PAUSED):
            raise FailedMeasurementError(f"a command ended with {ended.code}:\n{ended.err[-2_000:]}")
        return ended

    def _resume(self) -> Running:
        self.resumes += 1
        return self.desk.start("resume", self.frozen.send_id, "--json")

    def _worker(self, *arguments: str) -> Running:
        return self.desk.start(self.frozen.send_id, *arguments, module="benchmarks.faulting.worker")

    def _await(self, kill: Kill, running: Running, had: int) -> None:
        """Return when it is time to kill: `had`: letters that the ESP had when the process began."""
        if kill.moment is Moment.CLAIMED:
            before = self._open()  # what an earlier process left
            wait_until(lambda: self._open() - before or running.over(), "the first claim")
        else:
            enough = had + max(1.0, kill.share * (self.letters - had))
            wait_until(lambda: self._taken() >= enough or running.over(), "the moment to kill")
        if kill.moment is Moment.HELD and not running.over():
            self._set(holding(self.faults))
            wait_until(lambda: self._holds_back() or running.over(), "an answer held back")
        time.sleep(kill.later)

    def _kill(self, running: Running) -> None:
        if running.kill():
            self.killed += 1
            self.open_claims += len(self._open())

    def _open(self) -> set[MessageId]:
        """Letters that are claimed and not answered."""
        statuses = statuses_of(self.database, self.frozen.send_id)
        return {letter for letter, status in statuses.items() if status is MessageStatus.SENDING}

    def _taken(self) -> int:
        return self._esp.counts(self.frozen.provider.name).messages

    def _holds_back(self) -> bool:
        return "late" in self._esp.faults_that_happened(self.frozen.provider.name)

    def _set(self, faults: str) -> None:
        """Other faults from now on; the ESP counts those that happened anew."""
        self._count()
        self._esp.set_faults(faults)

    def _count(self) -> None:
        self.calls = self._esp.counts(self.frozen.provider.name).calls
        self.faults_met.update(self._esp.faults_that_happened(self.frozen.provider.name))
