"""Which calls in doubt can be made once more, from what the ledger froze and the letters printed again. Pure.

A call is repeated whole or not at all: one letter less is another call, under another key, and the ESP would take it as new. Each
message's row names its call by `idempotency_key_of` its letters, so a group of rows shows by itself whether it is complete.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from delivery.answers import Unknown
from delivery.esp.port import Call
from domain.ids import MessageId, idempotency_key_of
from domain.message import Letter

_MARGIN = timedelta(minutes=2)  # clocks differ, and a call takes time


@dataclass(frozen=True, slots=True)
class InDoubt:
    """A message of which nobody knows whether it went out, as it was claimed. `call`: the key of the call it was to go out in."""

    message_id: MessageId
    payload_hash: str
    call: str
    claimed_at: datetime


def calls_to_repeat(
    messages: Iterable[InDoubt], letters: Mapping[MessageId, Letter], *, remembers: timedelta, at: datetime
) -> tuple[list[Call], list[Unknown]]:
    """The calls to repeat, and the messages that have to stay in doubt, with the reason.

    `letters`: those that may still go out, printed again; whoever was suppressed since is left out. `remembers`: for how long the
    ESP recognises a call.
    """
    calls: list[Call] = []
    doubts: list[Unknown] = []
    by_call = sorted(messages, key=lambda message: (message.call, message.message_id))
    for _, group in groupby(by_call, key=lambda message: message.call):
        members = list(group)
        if fault := _fault(members, letters, remembers, at):
            doubts.extend(Unknown(member.message_id, fault) for member in members)
        else:
            calls.append(tuple(letters[member.message_id] for member in members))
    return calls, doubts


def _fault(members: list[InDoubt], letters: Mapping[MessageId, Letter], remembers: timedelta, at: datetime) -> str | None:
    if at > min(member.claimed_at for member in members) + remembers - _MARGIN:
        return "the ESP no longer remembers the call"
    if idempotency_key_of((member.message_id, member.payload_hash) for member in members) != members[0].call:
        return "not all letters of the call are in doubt, so it cannot be repeated"
    if any(member.message_id not in letters for member in members):
        return "a letter of the call may not go out any more"
    if any(letters[member.message_id].payload_hash != member.payload_hash for member in members):
        return "a letter of the call is printed differently now"
    return None
