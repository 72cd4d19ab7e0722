"""Approve a send that waits for it: show what it is made of, and bind the approval to just that."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from audience.counts import AudienceCounts, counts_kept
from domain.approval import Approval
from domain.audit import AuditEntry, Deed
from domain.errors import InputError
from domain.ids import SendId
from domain.send import Send
from flows.approval import approval_of, asks_for_approval, audience_hash
from flows.print_sample import print_sample
from flows.show_send import html_of, variant_shares
from runtime.clock import now
from runtime.house import House


@dataclass(frozen=True, slots=True)
class ForApproval:
    """What is approved: how many get a letter and how many do not, by reason; each variant's share; what was accepted in spite of the
    check; and a letter to look at. `approval` is the one that holds, if one does."""

    send_id: SendId
    campaign: str
    opened_by: str | None
    content_version: str
    audience_hash: str
    letters: int
    excluded: Mapping[str, int]
    variants: tuple[Mapping[str, str | int], ...]
    accepted: tuple[str, ...]
    sample_letter: str
    approval: Approval | None


def for_approval(house: House, send_id: SendId) -> ForApproval:
    """What there is to approve. InputError for a send that needs no approval, is over, or whose audience is not frozen yet.

    The sample letter is for a typical reader, with nobody's data; it is written under var/approvals.
    """
    send = house.send(send_id)
    _refuse(house, send)
    shards = house.sends.finished_shards(send_id, "audience").values()
    counts, audience = sum((counts_kept(kept) for kept in shards), AudienceCounts()), audience_hash(house, send)
    accepted = (entry for entry in house.audit.of(send_id) if entry.what is Deed.ACCEPTED)
    return ForApproval(
        send_id=send_id,
        campaign=send.campaign,
        opened_by=send.opened_by,
        content_version=send.content_version,
        audience_hash=audience,
        letters=counts.admitted,
        excluded={reason.value: number for reason, number in counts.excluded.items()},
        variants=tuple(variant_shares(house, send)),
        accepted=tuple(f"{entry.detail['check']}: {entry.detail['found']} ({entry.who}: {entry.why})" for entry in accepted),
        sample_letter=str(_written(house, send)),
        approval=approval_of(house, send, audience),
    )


def approve_send(house: House, seen: ForApproval, by: str) -> Approval:
    """Approve what was seen. An approval that holds already stays. InputError if it would be the opener's own."""
    if seen.approval:
        return seen.approval
    if seen.opened_by is not None and _same_person(by, seen.opened_by):
        hint = "letterpress approve SEND --by NAME, or LETTERPRESS_BY, says who approves"
        raise InputError(f"{seen.opened_by} opened {seen.send_id}; another person has to approve it", hint=hint)
    approval = Approval(seen.send_id, house.send(seen.send_id).content_version, seen.audience_hash, by, now())
    house.approvals.give(approval)
    detail: dict[str, str | int] = {
        "content_version": approval.content_version,
        "audience_hash": seen.audience_hash,
        "letters": seen.letters,
    }
    house.audit.add(AuditEntry(approval.approved_at, by, Deed.APPROVED, seen.send_id, detail=detail))
    return approval


def is_frozen(house: House, send: Send) -> bool:
    """Whether audience and decisions of every shard are there."""
    return len(house.sends.finished_shards(send.send_id, "decisions")) == send.shards


def _refuse(house: House, send: Send) -> None:
    if not asks_for_approval(house, send):
        raise InputError(f"{send.send_id} needs no approval", hint="campaign.yaml asks for one by `approval: true`")
    if send.is_over:
        raise InputError(f"{send.send_id} is {send.status}; there is nothing left to approve")
    if not is_frozen(house, send):
        raise InputError(f"the audience of {send.send_id} is not decided yet", hint=f"letterpress resume {send.send_id}")


def _same_person(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def _written(house: House, send: Send) -> Path:
    """The sample letter as a page to open."""
    path = house.settings.var / "approvals" / f"{send.send_id}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html_of(print_sample(house, send)), encoding="utf-8")
    return path
