"""Approvals as people and programs see them: what waits, and what one approves."""

from dataclasses import dataclass
from datetime import datetime

from rich.console import Group
from rich.table import Column, Table

from domain.ids import SendId
from flows.approval import asks_for_approval
from flows.approve_send import ForApproval, is_frozen
from runtime.house import House


@dataclass(frozen=True, slots=True)
class Waiting:
    """A send whose campaign asks for approval. `state`: waiting, approved, or not ready while its audience is not frozen."""

    send_id: SendId
    campaign: str
    scheduled_at: datetime
    opened_by: str | None
    status: str
    state: str
    approved_by: str | None
    approved_at: datetime | None


def listed(house: House) -> tuple[Waiting, ...]:
    """All sends that ask for approval and are not over, and those that had it, the latest scheduled first."""
    found = []
    for send in house.sends.list():
        given = house.approvals.of(send.send_id)
        over = send.is_over
        if given or (not over and asks_for_approval(house, send)):
            state = "approved" if given else "waiting" if is_frozen(house, send) else "not ready"
            by, at = (given.approved_by, given.approved_at) if given else (None, None)
            found.append(Waiting(send.send_id, send.campaign, send.scheduled_at, send.opened_by, send.status.value, state, by, at))
    return tuple(found)


def listing(found: tuple[Waiting, ...]) -> Table | str:
    """The list as a table."""
    if not found:
        return "no send asks for approval"
    table = Table("send", "state", "status", "opened by", "approved by")
    for one in found:
        table.add_row(one.send_id, one.state, one.status, one.opened_by or "its schedule", one.approved_by or "")
    return table


def what_is_approved(seen: ForApproval) -> Group:
    """What a send is made of, and what to do next."""
    title = f"{seen.send_id}: opened by {seen.opened_by or 'its schedule'}\ncontent  {seen.content_version}\naudience {seen.audience_hash}"
    counts = Table("recipients", Column("count", justify="right"))
    counts.add_row("get a letter", f"{seen.letters:,}")
    for reason, number in seen.excluded.items():
        counts.add_row(f"excluded: {reason}", f"{number:,}")
    shares = Table("placement", "variant", Column("chosen", justify="right"), Column("share", justify="right"))
    for row in seen.variants:
        shares.add_row(str(row["placement"]), str(row["variant"]), f"{row['chosen']:,}", str(row["share"]))
    accepted = [f"accepted in spite of the check: {one}" for one in seen.accepted]
    return Group(title, counts, shares, *accepted, f"a letter to look at:\n  {seen.sample_letter}", _next(seen))


def _next(seen: ForApproval) -> str:
    if seen.approval is None:
        return f"approve it with:\n  letterpress approve {seen.send_id}"
    approved = f"approved by {seen.approval.approved_by} at {seen.approval.approved_at:%Y-%m-%d %H:%M} UTC"
    return f"{approved}; let it go with:\n  letterpress resume {seen.send_id}"
