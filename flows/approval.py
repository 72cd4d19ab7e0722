"""The approval that a campaign may ask for: which content and audience it is for, and whether it was given."""

import hashlib
from collections.abc import Iterable, Iterator

import pandas as pd

from delivery.notices import Notice
from delivery.stopping import SendStopped
from domain.approval import Approval
from domain.audit import Deed
from domain.ids import SendId
from domain.send import Send
from flows.pause_send import pause
from flows.run_stage import shard_name
from flows.tell import tell
from runtime.clock import now
from runtime.house import House

# What a letter is made for and of. The files keep their rows' order, so nothing has to be sorted.
_AUDIENCE = ("recipient_id", "exclusion", "arm", "address", "time_zone", "locale", "attributes")
_DECISIONS = ("recipient_id", "placement", "position", "variant")
_BETWEEN, _ROW, _TABLE = "\x1f", "\x1e", b"\x1d"  # control characters, which no imported value holds


def asks_for_approval(house: House, send: Send) -> bool:
    """Whether the campaign, as it was frozen, has its sends approved."""
    return house.contents.load(send.content_version).campaign.approval


def audience_hash(house: House, send: Send) -> str:
    """128-bit digest (BLAKE2b, 32 hex digits) over the frozen audience and decisions, shard by shard: who is in it and who is left out,
    with what their letters print, their arms, and the variants in each position. Every shard has to be decided."""
    hashed = hashlib.blake2b(digest_size=16)
    for shard in range(send.shards):
        for table, columns in (("audience", _AUDIENCE), ("decisions", _DECISIONS)):
            frame = house.lake.read(table, {"send_id": send.send_id}, name=shard_name(shard))
            for row in _rows(frame, columns):
                hashed.update(row)
            hashed.update(_TABLE)
    return hashed.hexdigest()


def approval_of(house: House, send: Send, audience: str) -> Approval | None:
    """The approval that holds for this content and this audience; None if there is none, or it was given for others."""
    given = house.approvals.of(send.send_id)
    return given if given and (given.content_version, given.audience_hash) == (send.content_version, audience) else None


def require_approval(house: House, send_id: SendId) -> None:
    """Return if the send needs no approval or has it. Else it is PAUSED, with what to do, and people are told; raises SendStopped.

    To be called when audience and decisions are frozen and nothing was handed off yet.
    """
    send = house.send(send_id)
    if not asks_for_approval(house, send) or approval_of(house, send, audience_hash(house, send)):
        return
    changed = "its content or audience is not what was approved; it " if house.approvals.of(send_id) else ""
    reason = f"{changed}waits for approval by another person: letterpress approve {send_id}"
    told = any(entry.what is Deed.PAUSED and entry.why == reason for entry in house.audit.of(send_id))
    pause(house, send_id, reason)
    if not told:
        tell(house, send, _notice(send, reason))
    raise SendStopped(house.send(send_id).status)


def _notice(send: Send, reason: str) -> Notice:
    """Somebody is waited for."""
    text = (
        f"The send {send.send_id}, opened by {send.opened_by or 'its schedule'}, is ready and {reason}\n\n"
        f"  letterpress approvals {send.send_id}    shows what there is to approve\n"
        f"  letterpress approve {send.send_id}      approves it, as another person than who opened it\n"
        f"  letterpress resume {send.send_id}       lets it go then\n"
        f"  letterpress cancel {send.send_id}       ends it for good\n"
    )
    facts = {"content_version": send.content_version, "opened_by": send.opened_by or ""}
    return Notice("approval_needed", send.send_id, send.campaign, now(), f"{send.send_id} waits for approval", text, facts)


def _rows(frame: pd.DataFrame, columns: Iterable[str], at_once: int = 10_000) -> Iterator[bytes]:
    """The rows of a table as bytes that say where each value ends; missing values are empty."""
    texts = [frame[name].astype("str").fillna("").tolist() for name in columns]
    for start in range(0, len(frame), at_once):
        rows = zip(*(column[start : start + at_once] for column in texts), strict=True)
        yield "".join(_BETWEEN.join(row) + _ROW for row in rows).encode()
