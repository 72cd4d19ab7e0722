"""What an ESP said about one message, in four words that decide what the ledger may do next (FACTS §7).

Every adapter answers in these and in nothing else; `settlement` is the only place where an answer becomes a status.
"""

from dataclasses import dataclass
from enum import StrEnum

from domain.ids import MessageId
from domain.ledger import Settlement
from domain.message import MessageStatus


class Cause(StrEnum):
    """What a Retry is about, which decides how much has to wait."""

    MESSAGE = "message"  # this message only (greylisted, mailbox full): the others go on
    THROTTLED = "throttled"  # we are too fast, or refused as a sender for now: everything waits
    UNREACHABLE = "unreachable"  # nobody answers, or nobody who would talk to us: everything waits


@dataclass(frozen=True, slots=True)
class Accepted:
    """The ESP answered yes and now owns the message. `esp_message_id` is its own name for it, where it tells one."""

    message_id: MessageId
    esp_message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The ESP answered no for good."""

    message_id: MessageId
    reason: str


@dataclass(frozen=True, slots=True)
class Retry:
    """The ESP certainly does not have the message, and may take it later; not before `after` seconds where it says so."""

    message_id: MessageId
    reason: str
    after: float | None = None
    cause: Cause = Cause.MESSAGE


@dataclass(frozen=True, slots=True)
class Unknown:
    """Bytes left and no answer came: the ESP may or may not have the message. Never repeated without evidence."""

    message_id: MessageId
    reason: str


Answer = Accepted | Rejected | Retry | Unknown


def settlement(answer: Answer) -> Settlement:
    """The ledger's side of an answer. A Retry gives the claim back."""
    match answer:
        case Accepted(message_id, esp_message_id):
            return Settlement(message_id, MessageStatus.ACCEPTED, esp_message_id=esp_message_id)
        case Rejected(message_id, reason):
            return Settlement(message_id, MessageStatus.REJECTED, reason)
        case Retry(message_id, reason):
            return Settlement(message_id, MessageStatus.PENDING, reason)
        case Unknown(message_id, reason):
            return Settlement(message_id, MessageStatus.UNKNOWN, reason)
