"""The account of a send: every recipient of the audience is in it once, with a reason where no letter went out (DESIGN §6.9)."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from domain.message import Exclusion, MessageStatus

LedgerCounts = Mapping[tuple[MessageStatus, str | None], int]


@dataclass(frozen=True, slots=True)
class Account:
    """`audience` counts those for whom the audience expression holds; the other figures divide it up.

    `pending` is what is still to be done: admitted, but neither handed off nor failed, excluded or unknown so far.
    """

    audience: int
    handed_off: int
    excluded: Mapping[str, int]
    failed: Mapping[str, int]
    unknown: Mapping[str, int]
    pending: int

    @property
    def adds_up(self) -> bool:
        """Whether the parts make the whole; `pending` can only be negative if somebody was counted twice."""
        parts = self.handed_off + sum(self.excluded.values()) + sum(self.failed.values()) + sum(self.unknown.values())
        return self.pending >= 0 and parts + self.pending == self.audience


def account_of(selected: Iterable[Mapping[str, int]], ledger: LedgerCounts, *, cancelled: bool = False) -> Account:
    """The account from what selection counted per shard (`admitted`, and `excluded.REASON`) and what the ledger holds.

    In a cancelled send nothing is pending any more: who was not reached is excluded, as cancelled.
    """
    chosen: Counter[str] = Counter()
    for counts in selected:
        chosen.update(counts)
    excluded = Counter({name.removeprefix("excluded."): n for name, n in chosen.items() if name.startswith("excluded.") and n})
    audience = chosen["admitted"] + excluded.total()
    excluded += _by_reason(ledger, MessageStatus.EXCLUDED)
    failed = _by_reason(ledger, MessageStatus.REJECTED, MessageStatus.FAILED)
    unknown = _by_reason(ledger, MessageStatus.UNKNOWN)
    handed_off = _by_reason(ledger, MessageStatus.ACCEPTED).total()
    pending = audience - handed_off - excluded.total() - failed.total() - unknown.total()
    if cancelled and pending > 0:
        excluded[Exclusion.CANCELLED.value] += pending
        pending = 0
    return Account(audience, handed_off, dict(excluded), dict(failed), dict(unknown), pending)


def _by_reason(ledger: LedgerCounts, *statuses: MessageStatus) -> Counter[str]:
    found: Counter[str] = Counter()
    for (status, reason), count in ledger.items():
        if status in statuses:
            found[reason or status.value] += count
    return found
