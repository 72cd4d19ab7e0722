"""A refresh as people and programs see it: what `refresh` answers with, and `status` of one."""

from dataclasses import dataclass
from datetime import datetime

from rich.console import Group
from rich.table import Table

from domain.send import Send
from flows.account_for_refresh import account_for_refresh
from letterpress.send_view import standing
from runtime.house import House


@dataclass(frozen=True, slots=True)
class RefreshView:
    """audience = decided + excluded(reason…) + pending. `status` is `interrupted` where the run died without a word."""

    send_id: str
    campaign: str
    status: str
    reason: str | None
    scheduled_at: datetime
    as_of: datetime
    model_version: str | None
    content_version: str
    audience: int
    decided: int
    excluded: dict[str, int]
    pending: int
    adds_up: bool
    shards: int
    finished_shards: dict[str, int]


def refresh_view(house: House, send: Send) -> RefreshView:
    """What there is to say about a refresh."""
    account, (status, reason) = account_for_refresh(house, send.send_id), standing(house, send)
    return RefreshView(
        send_id=send.send_id,
        campaign=send.campaign,
        status=status,
        reason=reason,
        scheduled_at=send.scheduled_at,
        as_of=send.as_of,
        model_version=send.model_version,
        content_version=send.content_version,
        audience=account.audience,
        decided=account.decided,
        excluded=dict(account.excluded),
        pending=account.pending,
        adds_up=account.adds_up,
        shards=send.shards,
        finished_shards={stage: len(house.sends.finished_shards(send.send_id, stage)) for stage in send.stages},
    )


def refresh_table(seen: RefreshView) -> Group:
    """The account as a table."""
    rows = Table("recipients")
    rows.add_column("count", justify="right")
    rows.add_row("audience", f"{seen.audience:,}")
    rows.add_row("decided for", f"{seen.decided:,}")
    for reason, count in seen.excluded.items():
        rows.add_row(f"excluded: {reason}", f"{count:,}")
    if seen.pending:
        rows.add_row("pending", f"{seen.pending:,}")
    title = f"{seen.send_id}: {seen.status}" + (f" ({seen.reason})" if seen.reason else "")
    model = f"model {seen.model_version}" if seen.model_version else "no model yet: every choice was uniform"
    check = "the account adds up" if seen.adds_up else "THE ACCOUNT DOES NOT ADD UP"
    return Group(title, rows, f"{check}; {model}")
