"""Close a send: finished, or kept open for what is still to come; or taken back when there is nobody to write to."""

from audience.counts import AudienceCounts, counts_kept, refuse_empty
from domain.audit import AuditEntry, Deed
from domain.errors import InputError
from domain.ids import SendId
from domain.send import SendStatus
from flows.account_for import account_for
from flows.pause_send import BY_ITSELF, pause
from runtime.clock import now
from runtime.house import House


def close_send(house: House, send_id: SendId) -> None:
    """FINISHED, or PAUSED while the ESP has put letters off: they are PENDING, and resume tries them again."""
    account = account_for(house, send_id)
    if account.pending:
        pause(house, send_id, f"the ESP put off {account.pending:,} letters for later")
    elif house.sends.set_status(send_id, SendStatus.FINISHED, None, now(), expected={SendStatus.RUNNING}):
        parts = {name: sum(getattr(account, name).values()) for name in ("excluded", "failed", "unknown")}
        detail = {"audience": account.audience, "handed_off": account.handed_off, **parts}
        house.audit.add(AuditEntry(now(), BY_ITSELF, Deed.FINISHED, send_id, detail=detail))


def refuse_nobody(house: House, send_id: SendId) -> None:
    """Raise InputError when nobody is left to write to, after taking the send back as if it had never been opened."""
    shards = house.sends.finished_shards(send_id, "audience").values()
    try:
        refuse_empty(sum((counts_kept(kept) for kept in shards), AudienceCounts()))
    except InputError:
        house.sends.discard(send_id)
        raise
