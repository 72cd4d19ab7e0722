"""Machines: scanners that follow links and proxies that load pictures before, or without, any person doing so."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.event import EventKind, ReceivedEvent

JUDGED = frozenset({EventKind.OPENED, EventKind.CLICKED, EventKind.UNSUBSCRIBED})  # kinds that machines bring about too


class Verdict(StrEnum):
    """Who is behind an event. The first two are kept and shown, and are never labels, metrics or gates (DESIGN §6.7)."""

    MACHINE = "machine"
    SUSPECTED = "suspected"
    UNCLEAR = "unclear"
    LIKELY_HUMAN = "likely_human"
    HUMAN = "human"

    @property
    def counts(self) -> bool:
        """Whether such an event counts for anything."""
        return self not in NOT_COUNTED


NOT_COUNTED = frozenset({Verdict.MACHINE, Verdict.SUSPECTED})


@dataclass(frozen=True, slots=True)
class Trace:
    """An event with what the house knows beside it. `domain`: of the recipient's mailbox; `handed_off_at`: by our own clock."""

    event: ReceivedEvent
    domain: str | None
    handed_off_at: datetime | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What an event was judged to be: the sum of the weights of `reasons` under one version of the rules."""

    event_id: str
    verdict: Verdict
    score: int
    reasons: tuple[str, ...]
    rule_version: str


@dataclass(frozen=True, slots=True)
class VerdictCount:
    """How many events of a kind were judged the same for the same reasons; `verdict` None: not judged yet."""

    kind: EventKind
    verdict: Verdict | None
    reasons: tuple[str, ...]
    events: int
