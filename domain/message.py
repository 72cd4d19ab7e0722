"""The message: one recipient's letter in one send, its place in the ledger, and why it may not have gone out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.ids import MessageId, PlacementId, RecipientId, SendId, VariantId
from domain.recipient import Recipient


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
    OPTED_OUT = "opted_out"  # does not want this topic
    PAUSED = "paused"  # wants no letters for a while
    NO_CONSENT = "no_consent"
    INVALID_ADDRESS = "invalid_address"
    ALREADY_SENT = "already_sent"
    CAPPED = "capped"
    QUIET_HOURS = "quiet_hours"
    HELD_OUT = "held_out"  # in a holdout that gets no letters; would have got one otherwise
    CANCELLED = "cancelled"
    DEADLINE = "deadline"
    INACTIVE = "inactive"  # of a refresh: has done nothing for long
    OVER_BUDGET = "over_budget"  # of a refresh: others were active more recently, and these were as many as the budget allows
    OUT_OF_TIME = "out_of_time"  # of a refresh: it was stopped before it came to them


class SuppressionReason(StrEnum):
    """Why an address is not to be written to at all."""

    UNSUBSCRIBED = "unsubscribed"
    COMPLAINED = "complained"
    HARD_BOUNCED = "hard_bounced"
    SOFT_BOUNCED = "soft_bounced"  # several letters in a row (domain.bounce.StrikeRule)
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Stencil:
    """A text with blanks: `texts[i]` is followed by the filling whose number is `blanks[i]`, the last text by nothing."""

    texts: tuple[str, ...]
    blanks: tuple[int, ...] = ()

    def filled(self, fillings: Sequence[str]) -> str:
        """The text with these fillings in its blanks."""
        texts = self.texts
        return texts[0] + "".join([fillings[number] + text for number, text in zip(self.blanks, texts[1:], strict=True)])


@dataclass(frozen=True, slots=True)
class Form:
    """What all letters of one body in a send have in common, for ESPs that put values into a body themselves.

    With a letter's own fillings it is exactly what the letter's bytes say once they are decoded: text with `\\n` for line ends, and
    headers unfolded but still encoded. `headers` are those that are not the sender, the recipient, the subject or about MIME.
    """

    from_name: str
    from_address: str
    reply_to: str | None
    subject: Stencil
    text: Stencil
    html: Stencil
    headers: tuple[tuple[str, Stencil], ...]


@dataclass(frozen=True, slots=True)
class Letter:
    """A printed message, ready to hand off: the exact bytes, and what the ledger keeps of them.

    The bytes come in `pieces`, because most of them are the same objects in all letters of a body. `payload_hash` is 128 bits, the same
    for the same bytes and no others; `body_hash` is that of the combination of variants, shared by all recipients who share a body.
    `form` and `fillings` say the same once more, apart: what is shared, and what is this recipient's. A letter may come without.
    """

    message_id: MessageId
    send_id: SendId
    recipient_id: RecipientId
    sender: str
    address: str
    pieces: tuple[bytes, ...]
    payload_hash: str
    body_hash: str
    form: Form | None = None
    fillings: tuple[str, ...] = ()

    @property
    def mime(self) -> bytes:
        """The bytes, joined anew every time they are asked for."""
        return b"".join(self.pieces)

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return sum(map(len, self.pieces))


@dataclass(frozen=True, slots=True)
class FrozenLetter:
    """What one letter is printed from, beside its send's content: the recipient as they were, and the variants by position."""

    recipient: Recipient
    chosen: Mapping[PlacementId, tuple[VariantId, ...]]


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
