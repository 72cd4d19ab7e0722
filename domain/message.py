"""The message: one recipient's letter in one send, its place in the ledger, and why it may not have gone out."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.ids import MessageId, RecipientId, SendId


class MessageStatus(StrEnum):
    """Where a message stands in the ledger. The moves between them are in `delivery/ledger.py`, as one table."""

    PENDING = "pending"  # planned, or given back by the ESP before it took any byte
    SENDING = "sending"  # claimed: bytes may be on their way
    ACCEPTED = "accepted"  # handed off: the ESP answered yes
    REJECTED = "rejected"  # failed: the ESP answered no for good
    FAILED = "failed"  # failed: could not be printed
    EXCLUDED = "excluded"  # kept out at the last moment (a suppression that came in after planning, a cancelled send)
    UNKNOWN = "unknown"  # bytes left and no answer came: never blindly repeated


class Exclusion(StrEnum):
    """Why a recipient of the audience expression gets no letter in this send. In order of precedence."""

    SUPPRESSED = "suppressed"
    NO_CONSENT = "no_consent"
    INVALID_ADDRESS = "invalid_address"
    ALREADY_SENT = "already_sent"
    CAPPED = "capped"
    QUIET_HOURS = "quiet_hours"
    CANCELLED = "cancelled"
    DEADLINE = "deadline"


class SuppressionReason(StrEnum):
    """Why an address is not to be written to at all."""

    UNSUBSCRIBED = "unsubscribed"
    COMPLAINED = "complained"
    HARD_BOUNCED = "hard_bounced"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Letter:
    """A printed message, ready to hand off: the exact bytes, and what the ledger keeps of them.

    `payload_hash` is the 128-bit hash of `mime`; `body_hash` that of the combination of variants, shared by all
    recipients who share a body.
    """

    message_id: MessageId
    send_id: SendId
    recipient_id: RecipientId
    sender: str
    address: str
    mime: bytes
    payload_hash: str
    body_hash: str


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A row of the ledger."""

    message_id: MessageId
    send_id: SendId
    recipient_id: RecipientId
    status: MessageStatus
    reason: str | None
    attempt: int
    payload_hash: str | None
    body_hash: str | None
    esp: str | None
    esp_message_id: str | None
    claimed_at: datetime | None
    answered_at: datetime | None
    shard: int = 0
    batch: str | None = None  # the key of the call that it was to go out in (`domain.ids.idempotency_key_of`)
