"""What the hand-off and the ledger say to each other, and the one table of a message's legal moves (DESIGN §6.5).

A message is claimed before any byte leaves, and settled by what came back. `delivery/ledger.py` declares the port,
`storage/ledger.py` keeps it in the database.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.ids import MessageId, RecipientId, SendId
from domain.message import Exclusion, MessageStatus

_S = MessageStatus

TRANSITIONS: Mapping[MessageStatus, frozenset[MessageStatus]] = {
    # EXCLUDED: a suppression that arrived after planning, or a cancelled send. FAILED: it could not be printed again on resume.
    _S.PENDING: frozenset({_S.SENDING, _S.EXCLUDED, _S.FAILED}),
    # PENDING: the ESP refused to take it now, before any byte left (429, connection refused, SMTP 4xx), so it may be claimed again.
    # UNKNOWN: bytes left and no answer came, or the process that claimed it died.
    _S.SENDING: frozenset({_S.ACCEPTED, _S.REJECTED, _S.PENDING, _S.UNKNOWN}),
    # ACCEPTED, REJECTED: evidence arrived late (a webhook, a look-up, the answer of a run that was thought dead).
    # PENDING: evidence that the ESP never had it, or a campaign whose policy is to repeat rather than lose a letter.
    _S.UNKNOWN: frozenset({_S.ACCEPTED, _S.REJECTED, _S.PENDING}),
    # What happens after the ESP said yes (bounce, complaint) is an event and a suppression, not another state of the hand-off.
    _S.ACCEPTED: frozenset(),
    _S.REJECTED: frozenset(),
    # A send is immutable, so what could not be printed once cannot be printed again.
    _S.FAILED: frozenset(),
    # A suppression lifted later does not bring back a letter that was kept in.
    _S.EXCLUDED: frozenset(),
}


def sources_of(status: MessageStatus) -> frozenset[MessageStatus]:
    """The statuses from which a message may move to this one."""
    return frozenset(before for before, after in TRANSITIONS.items() if status in after)


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """One printed letter that wants to go out. `address` is for the suppression check; the ledger does not keep it."""

    message_id: MessageId
    send_id: SendId
    recipient_id: RecipientId
    shard: int
    address: str
    payload_hash: str
    body_hash: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """The answer to a claim; each requested message is in exactly one of the three.

    `won`: ours to hand off, now SENDING. `suppressed`: now EXCLUDED, because the address is suppressed or its owner wants no such
    letter now; the row has the reason. `held`: left as it stands, with its status.
    """

    won: frozenset[MessageId]
    suppressed: frozenset[MessageId]
    held: Mapping[MessageId, MessageStatus]


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a claimed message. `reason` says why for anything but ACCEPTED."""

    message_id: MessageId
    status: MessageStatus
    reason: str | None = None
    esp_message_id: str | None = None


@dataclass(frozen=True, slots=True)
class UnprintableMessage:
    """A message that could not be printed: recorded FAILED, never claimed. `reason` names file and variable, no values."""

    message_id: MessageId
    send_id: SendId
    recipient_id: RecipientId
    shard: int
    reason: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A message of a running send that will not go out: recorded EXCLUDED unless it was claimed before."""

    message_id: MessageId
    send_id: SendId
    recipient_id: RecipientId
    shard: int
    reason: Exclusion
