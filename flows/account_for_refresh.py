"""Account for a refresh: for whom of its audience it decided, and why not for the others."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from audience.counts import counts_kept
from domain.audit import AuditEntry, Deed
from domain.ids import SendId
from domain.message import Exclusion
from domain.send import SendStatus
from flows.admit_visitors import LINES
from flows.find_visitors import ACTIVITY, VISITORS
from flows.pause_send import BY_ITSELF
from runtime.clock import now
from runtime.house import House

_LEFT = {SendStatus.FINISHED: Exclusion.OUT_OF_TIME, SendStatus.CANCELLED: Exclusion.CANCELLED}


@dataclass(frozen=True, slots=True)
class RefreshAccount:
    """audience = decided + excluded(reason…) + pending: those for whom the expression holds. `pending`: while it is not over."""

    send_id: SendId
    audience: int
    decided: int
    excluded: Mapping[str, int] = field(default_factory=dict)
    pending: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether everybody is accounted for."""
        return self.audience == self.decided + sum(self.excluded.values()) + self.pending


def account_for_refresh(house: House, send_id: SendId) -> RefreshAccount:
    """The account as it stands now, from our own database."""
    selected = {shard: counts_kept(kept) for shard, kept in house.sends.finished_shards(send_id, "audience").items()}
    done = house.sends.finished_shards(send_id, "decisions")
    decided = sum(counts.admitted for shard, counts in selected.items() if shard in done)
    left = sum(counts.admitted for shard, counts in selected.items() if shard not in done)
    excluded: Counter[str] = Counter()
    for counts in selected.values():
        excluded.update({reason.value: number for reason, number in counts.excluded.items()})
    why = _LEFT.get(house.send(send_id).status)
    if why and left:
        excluded[why.value] += left
    matched = sum(counts.matched for counts in selected.values())
    return RefreshAccount(send_id, matched, decided, dict(excluded), 0 if why else left)


def close_refresh(house: House, send_id: SendId) -> None:
    """FINISHED, whether or not there was time for everybody; what only finding its audience took is removed."""
    if house.sends.set_status(send_id, SendStatus.FINISHED, None, now(), expected={SendStatus.RUNNING}):
        account = account_for_refresh(house, send_id)
        detail = {"audience": account.audience, "decided": account.decided, "excluded": sum(account.excluded.values())}
        house.audit.add(AuditEntry(now(), BY_ITSELF, Deed.FINISHED, send_id, detail=detail))
    for table in (ACTIVITY, VISITORS, LINES):
        house.lake.remove(table, {"send_id": send_id})
