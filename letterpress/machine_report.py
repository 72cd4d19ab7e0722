"""What `letterpress machines report` says."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from delivery.machines.weights import RULE_VERSION
from domain.event import EventKind
from domain.ids import SendId
from domain.machine import JUDGED, NOT_COUNTED, Verdict, VerdictCount
from domain.send import Send
from flows.score_machines import score_send
from runtime.house import House

VERDICTS = tuple(verdict.value for verdict in Verdict)


@dataclass(frozen=True, slots=True)
class KindReport:
    """The events of one kind by verdict. `counted` are the others than machines' and suspected ones."""

    kind: str
    events: int
    by_verdict: Mapping[str, int]
    counted: int


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many of the events left out had this reason; an event may have several."""

    reason: str
    events: int


@dataclass(frozen=True, slots=True)
class MachineReport:
    """Who was behind what came back of some sends."""

    rule_version: str
    sends: tuple[SendId, ...]
    verdicts: tuple[str, ...]
    kinds: tuple[KindReport, ...]
    reasons: tuple[ReasonCount, ...]

    @property
    def sentence(self) -> str:
        """One sentence for a person."""
        clicks = next((kind for kind in self.kinds if kind.kind == EventKind.CLICKED.value), None)
        if clicks is None:
            return "no clicks came back yet"
        left_out = clicks.events - clicks.counted
        return (
            f"{left_out:,} of {clicks.events:,} clicks ({left_out / clicks.events:.1%}) are left out: no label, metric or gate counts them"
        )


def machine_report(house: House, send: Send | None, *, days: int, at: datetime) -> MachineReport:
    """Judge what is not judged by the present rules, then count. Without a send: those scheduled in the last `days`."""
    sends = [send] if send else [one for one in house.sends.list() if one.scheduled_at > at - timedelta(days=days)]
    for one in sends:
        score_send(house, one, at)
    counts = house.verdicts.counts([one.send_id for one in sends])
    kinds = tuple(_kind(kind, counts) for kind in sorted(JUDGED) if any(one.kind is kind for one in counts))
    return MachineReport(RULE_VERSION, tuple(one.send_id for one in sends), VERDICTS, kinds, _reasons(counts))


def _kind(kind: EventKind, counts: Sequence[VerdictCount]) -> KindReport:
    own = [one for one in counts if one.kind is kind]
    by_verdict = {verdict.value: sum(one.events for one in own if one.verdict is verdict) for verdict in Verdict}
    counted = sum(one.events for one in own if one.verdict not in NOT_COUNTED)
    return KindReport(kind.value, sum(one.events for one in own), by_verdict, counted)


def _reasons(counts: Sequence[VerdictCount]) -> tuple[ReasonCount, ...]:
    found: Counter[str] = Counter()
    for one in counts:
        if one.verdict in NOT_COUNTED:
            found.update(dict.fromkeys(one.reasons, one.events))
    return tuple(ReasonCount(reason, events) for reason, events in sorted(found.items(), key=lambda item: (-item[1], item[0])))
