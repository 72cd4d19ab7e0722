"""Watch over a send while its letters leave: whether somebody stopped it, a gate trips, or its time is up. Asked before every claim."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from delivery.departures.course import deadline_of
from delivery.departures.gates import Gate, Tripped, Verdict, certainly_holds, judge, judged_since
from delivery.stopping import TimeIsUp
from domain.audit import AuditEntry, Deed
from domain.campaign import Campaign
from domain.departure import Gates
from domain.gates import GateCounts
from domain.ids import SendId
from domain.send import Send, SendStatus
from flows.pause_send import BY_ITSELF
from flows.score_machines import score_send
from runtime.clock import now
from runtime.house import House
from storage.gate_figures import GateFigures


@dataclass(slots=True)
class Watch:
    """What `hand_off` asks before each claim. `handed_off`: a count from a while ago, which is enough while little goes wrong.

    `unsubscribed`: how many had left when machines were last told from people.
    """

    house: House
    send_id: SendId
    until: datetime | None
    gates: Gates | None
    since: datetime | None
    figures: GateFigures
    handed_off: int = field(default=0)
    unsubscribed: int | None = field(default=None)

    def __call__(self) -> SendStatus:
        """The send's status. A gate that trips makes it PAUSED; TimeIsUp when nothing may leave any more, or not in this turn."""
        status = self.house.send(self.send_id).status
        if status is not SendStatus.RUNNING:
            return status
        if self.until and now() >= self.until:
            raise TimeIsUp(f"nothing leaves after {self.until:%Y-%m-%d %H:%M} UTC")
        if isinstance(verdict := self.verdict(), Tripped):
            trip(self.house, self.send_id, verdict)
            return self.house.send(self.send_id).status
        return status

    def verdict(self) -> Verdict | None:
        """How the gates stand; None without gates, or while a count from before proves that they hold."""
        if self.gates is None:
            return None
        if certainly_holds(self.figures.at_most(self.send_id), self.gates, self.handed_off):
            return None
        counts = self.figures.happened(self.send_id, self.since)
        if certainly_holds(counts, self.gates, self.handed_off):
            return None
        self.handed_off = self.figures.handed_off(self.send_id, self.since)
        verdict = judge(replace(counts, handed_off=self.handed_off), self.gates)
        return self._by_people(verdict, counts, self.gates) if isinstance(verdict, Tripped) else verdict

    def _by_people(self, verdict: Tripped, counts: GateCounts, gates: Gates) -> Verdict:
        """The verdict without what machines did. What nobody has judged yet counts, so only a gate that trips can be wrong.

        Unsubscriptions alone are machines' at times, and judging reads all events of the send: so once per number of them.
        """
        if all(figure.gate is not Gate.UNSUBSCRIBES for figure in verdict.over) or counts.unsubscribed == self.unsubscribed:
            return verdict
        score_send(self.house, self.house.send(self.send_id), now())
        without = self.figures.happened(self.send_id, self.since)
        self.unsubscribed = without.unsubscribed
        return judge(replace(without, handed_off=self.handed_off), gates)


def watch_over(house: House, send: Send, campaign: Campaign, *, until: datetime | None = None) -> Watch:
    """The watch over a send, until its deadline or an earlier instant."""
    ends = [at for at in (until, deadline_of(send, campaign)) if at is not None]
    gates = campaign.waves.gates if campaign.waves else None
    since = judged_since(house.audit.of(send.send_id)) if gates else None
    return Watch(house, send.send_id, min(ends, default=None), gates, since, GateFigures(house.database))


def trip(house: House, send_id: SendId, verdict: Tripped) -> None:
    """Pause the send and write down why; only the first of several who see it does."""
    if house.sends.set_status(send_id, SendStatus.PAUSED, f"a gate tripped: {verdict}", now(), expected={SendStatus.RUNNING}):
        house.audit.add(AuditEntry(now(), BY_ITSELF, Deed.GATE_TRIPPED, send_id, str(verdict), _detail(verdict)))


def _detail(verdict: Tripped) -> dict[str, int | float]:
    found: dict[str, int | float] = {}
    for figure in verdict.over:
        found |= {figure.gate.value: figure.count, f"{figure.gate}.letters": figure.letters, f"{figure.gate}.limit": figure.limit}
    return found
