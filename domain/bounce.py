"""Bounces: whose fault one is, why it happened, and when a mailbox has bounced often enough."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.ids import MessageId


class BounceClass(StrEnum):
    """What a bounce means for the next letter to the same address."""

    HARD = "hard"  # nobody is there: suppressed at once
    SOFT = "soft"  # not now: a strike
    BLOCKED = "blocked"  # refused for who we are or for what the letter is: no strike, nothing that the recipient could mend
    UNDETERMINED = "undetermined"  # nobody says why: a strike


class BounceCause(StrEnum):
    """Why the letter came back."""

    NO_MAILBOX = "no_mailbox"
    NO_DOMAIN = "no_domain"
    INACTIVE = "inactive"
    FULL = "full"
    RATE = "rate"  # too much at once; greylisting
    UNREACHABLE = "unreachable"  # DNS, connection, routing, time ran out
    FAILING = "failing"  # the receiving server has a fault
    AUTO_REPLY = "auto_reply"
    SPAM = "spam"  # for what the letter says
    REPUTATION = "reputation"  # for who sends it
    AUTHENTICATION = "authentication"  # SPF, DKIM, DMARC, TLS
    POLICY = "policy"
    SENDER = "sender"  # the sender's own address or domain
    TOO_LARGE = "too_large"
    PROTOCOL = "protocol"
    OTHER = "other"


_H, _S, _B, _U = BounceClass.HARD, BounceClass.SOFT, BounceClass.BLOCKED, BounceClass.UNDETERMINED

CLASS_OF: Mapping[BounceCause, BounceClass] = {
    BounceCause.NO_MAILBOX: _H,
    BounceCause.NO_DOMAIN: _H,
    BounceCause.INACTIVE: _H,
    BounceCause.FULL: _S,
    BounceCause.RATE: _S,
    BounceCause.UNREACHABLE: _S,
    BounceCause.FAILING: _S,
    BounceCause.AUTO_REPLY: _S,
    BounceCause.SPAM: _B,
    BounceCause.REPUTATION: _B,
    BounceCause.AUTHENTICATION: _B,
    BounceCause.POLICY: _B,
    BounceCause.SENDER: _B,
    BounceCause.TOO_LARGE: _B,
    BounceCause.PROTOCOL: _B,
    BounceCause.OTHER: _U,
}
"""What a cause means if the refusal is for good. A refusal for now (4yz) is never HARD."""


@dataclass(frozen=True, slots=True)
class Bounce:
    """A bounce, read. `status`: the enhanced code (RFC 3463). `said`: the server's words, without addresses or one-off ids."""

    kind: BounceClass
    cause: BounceCause
    status: str | None = None
    said: str = ""


@dataclass(frozen=True, slots=True)
class StrikeRule:
    """So many letters in a row that came back, the first and last of them within so many days, and an address is given up; 0: never."""

    strikes: int = 3
    days: int = 60


@dataclass(frozen=True, slots=True)
class Strike:
    """One letter that bounced softly, or, with `arrived`, one that got there and so ends the row."""

    message_id: MessageId
    at: datetime
    arrived: bool = False


def struck_out(log: Iterable[Strike], rule: StrikeRule) -> bool:
    """Whether there ever was such a row. The order of the log does not matter, nor how often it says the same."""
    row: dict[MessageId, datetime] = {}
    for strike in sorted(log, key=lambda strike: (strike.at, strike.arrived, strike.message_id)):
        if strike.arrived:
            row.clear()
            continue
        row.setdefault(strike.message_id, strike.at)
        earliest = strike.at - timedelta(days=rule.days)
        row = {message: at for message, at in row.items() if at >= earliest}
        if 0 < rule.strikes <= len(row):
            return True
    return False
