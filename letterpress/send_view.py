"""A send as people and programs see it: `status`, and what `send`, `resume`, `pause` and `cancel` answer with."""

from dataclasses import dataclass
from datetime import datetime

from rich.console import Group
from rich.table import Table

from delivery.account import Account
from domain.errors import InputError
from domain.ids import SendId
from domain.send import Send, SendStatus
from flows.account_for import account_for
from flows.pause_send import noted_reason
from letterpress.departure_view import DepartureView, as_lines, departure_of
from runtime.clock import now
from runtime.house import House


@dataclass(frozen=True, slots=True)
class SendView:
    """A send as `status` shows it. `status` is `interrupted` where the run died without a word."""

    send_id: SendId
    campaign: str
    status: str
    reason: str | None
    scheduled_at: datetime
    as_of: datetime
    model_version: str | None
    candidate_version: str | None
    rollout_share: float
    content_version: str
    shards: int
    finished_shards: dict[str, int]
    account: Account
    departure: DepartureView


def chosen_send(house: House, send_id: str | None) -> Send:
    """The send named, or the latest."""
    if send_id is not None:
        return house.send(send_id)
    if latest := house.sends.latest():
        return latest
    raise InputError("there is no send yet", hint="letterpress send CAMPAIGN")


def standing(house: House, send: Send) -> tuple[str, str | None]:
    """A send's status, and why it has it if that is known. It is `interrupted` where the run died without a word."""
    note = noted_reason(house, send.send_id)
    if send.status is SendStatus.RUNNING and not house.runs.live(send.send_id, now()):
        return "interrupted", note or "its run ended without a word (killed, or the machine went down)"
    return send.status.value, note or send.reason


def view(house: House, send: Send) -> SendView:
    """What there is to say about a send."""
    account, (status, reason) = account_for(house, send.send_id), standing(house, send)
    return SendView(
        send_id=send.send_id,
        campaign=send.campaign,
        status=status,
        reason=reason,
        scheduled_at=send.scheduled_at,
        as_of=send.as_of,
        model_version=send.model_version,
        candidate_version=send.candidate_version,
        rollout_share=send.rollout_share,
        content_version=send.content_version,
        shards=send.shards,
        finished_shards={stage: len(house.sends.finished_shards(send.send_id, stage)) for stage in send.stages},
        account=account,
        departure=departure_of(house, send),
    )


def table(seen: SendView) -> Group:
    """The account as a table, with what to do next where something is left to do."""
    rows = Table("recipients")
    rows.add_column("count", justify="right")
    rows.add_row("audience", f"{seen.account.audience:,}")
    rows.add_row("handed off", f"{seen.account.handed_off:,}")
    for name in ("excluded", "failed", "unknown"):
        for reason, count in getattr(seen.account, name).items():
            rows.add_row(f"{name}: {reason}", f"{count:,}")
    rows.add_row("pending", f"{seen.account.pending:,}")
    title = f"{seen.send_id}: {seen.status}" + (f" ({seen.reason})" if seen.reason else "")
    check = "the account adds up" if seen.account.adds_up else "THE ACCOUNT DOES NOT ADD UP"
    go_on = [f"go on with: letterpress resume {seen.send_id}"] if seen.status in {"planned", "paused", "interrupted"} else []
    return Group(title, rows, check, *as_lines(seen.departure), *go_on)
