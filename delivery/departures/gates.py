"""The gates of a send: whether too much went wrong with the letters that are out to hand off more of them.

Shares are of letters, not of events: a letter that bounces twice bounced once. A verdict on too few letters is a result of its
own: it lets the send go on, and claims nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from domain.audit import AuditEntry, Deed
from domain.departure import Gates
from domain.gates import GateCounts


class Gate(StrEnum):
    """What is watched, in the order in which it is told."""

    BOUNCES = "bounces"
    COMPLAINTS = "complaints"
    UNSUBSCRIBES = "unsubscribes"
    RENDER_FAILURES = "render_failures"


@dataclass(frozen=True, slots=True)
class Figure:
    """How a gate stands: `count` of `letters`, where no more than a share of `limit` may be."""

    gate: Gate
    count: int
    letters: int
    limit: float

    @property
    def share(self) -> float | None:
        """The share; None of no letters."""
        return self.count / self.letters if self.letters else None

    @property
    def over(self) -> bool:
        """Whether the share is above the limit."""
        return self.count > self.limit * self.letters

    def __str__(self) -> str:
        share, limit = self.count / max(1, self.letters), self.limit
        return f"{self.gate.replace('_', ' ')}: {self.count:,} of {self.letters:,} letters ({share:.2%}, the limit is {limit:.2%})"


@dataclass(frozen=True, slots=True)
class Holds:
    """Every gate has enough letters to be judged by, and none is over its limit."""

    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class TooFewLetters:
    """Some gate has fewer letters than `minimum`, so nothing can be said of it; none of the others is over its limit."""

    figures: tuple[Figure, ...]
    minimum: int

    def __str__(self) -> str:
        fewest = min(figure.letters for figure in self.figures)
        return f"{fewest:,} letters are too few to judge by: the gates want {self.minimum:,}"


@dataclass(frozen=True, slots=True)
class Tripped:
    """At least one gate is over its limit."""

    figures: tuple[Figure, ...]
    over: tuple[Figure, ...]

    def __str__(self) -> str:
        return "; ".join(map(str, self.over))


Verdict = Holds | TooFewLetters | Tripped


def judge(counts: GateCounts, gates: Gates) -> Verdict:
    """The verdict on a send. A gate is judged from `gates.minimum` letters on."""
    figures = tuple(_figures(counts, gates))
    judged = [figure for figure in figures if figure.letters >= gates.minimum]
    if over := tuple(figure for figure in judged if figure.over):
        return Tripped(figures, over)
    return Holds(figures) if len(judged) == len(figures) else TooFewLetters(figures, gates.minimum)


def certainly_holds(counts: GateCounts, gates: Gates, handed_off_at_least: int) -> bool:
    """Whether the gates hold whatever the true number of letters handed off is, when it is at least this.

    More letters only lower the shares, so a count from a while ago can prove that nothing is over its limit: this is what makes
    judging before every claim cheap.
    """
    return isinstance(judge(replace(counts, handed_off=handed_off_at_least), gates), Holds)


def judged_since(trail: Iterable[AuditEntry]) -> datetime | None:
    """Letters claimed up to here are not judged again: somebody resumed the send in spite of them. None: nobody did.

    Only resuming after a gate tripped says that; a send that was paused for another reason is judged by all of its letters.
    """
    since, tripped = None, False
    for entry in trail:
        if entry.what is Deed.GATE_TRIPPED:
            tripped = True
        elif entry.what is Deed.RESUMED and tripped:
            since, tripped = entry.at, False
    return since


def _figures(counts: GateCounts, gates: Gates) -> Iterator[Figure]:
    """Letters that could not be printed are measured against those that were to be printed, the others against those handed off."""
    yield Figure(Gate.BOUNCES, counts.bounced, counts.handed_off, gates.bounces)
    yield Figure(Gate.COMPLAINTS, counts.complained, counts.handed_off, gates.complaints)
    yield Figure(Gate.UNSUBSCRIBES, counts.unsubscribed, counts.handed_off, gates.unsubscribes)
    yield Figure(Gate.RENDER_FAILURES, counts.failed, counts.handed_off + counts.failed, gates.render_failures)
