"""What an SMTP reply means for the message it is about, and how it is written down. Pure.

RFC 5321 §4.2.1: 2yz done, 4yz not now, 5yz never; §3.8: 421 may answer anything, and the line is closed after it.
RFC 3463: the enhanced code that follows, such as 5.1.1.
"""

import re
from dataclasses import dataclass
from enum import Enum

from delivery.answers import Accepted, Answer, Cause, Rejected, Retry, Unknown
from domain.ids import MessageId

CLOSING = 421
_GO_AHEAD = 354
_DONE, _NOT_NOW, _NEVER = 2, 4, 5  # first digits
_TOO_LARGE, _NO_ROOM = 552, 452  # the refusals of MAIL FROM that are about the message: its SIZE

_LONGEST_REASON = 120
_QUEUED_AS = re.compile(r"(?:queued as|queued|\bid=)\s*<?([\w.+-]{4,100})", re.IGNORECASE)
_ADDRESS = re.compile(r"\S*@\S*")
_ONE_OFF = re.compile(r"\b(?=\w*\d)[\w.:-]{8,}\b|(?<![\d.])\d{6,}")  # queue ids, times, hosts: they would make every reason a different one
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]+")


class Stage(Enum):
    """How far the dialogue had come when the reply arrived."""

    MAIL = "the sender"
    RCPT = "the recipient"
    DATA = "the message"  # before any byte of it
    DOT = "the letter"  # after all of it


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of the relay: its code, and its lines joined by a space."""

    code: int
    text: str

    @property
    def good(self) -> bool:
        """2yz, or 354 to DATA."""
        return self.kind == _DONE or self.code == _GO_AHEAD

    @property
    def kind(self) -> int:
        """The first digit, which is what a program goes by."""
        return self.code // 100

    @property
    def for_good(self) -> bool:
        """5yz: the same again will get the same answer."""
        return self.kind == _NEVER

    @property
    def reason(self) -> str:
        """Code and text, fit to be kept and counted: no address in it, nothing that differs from message to message."""
        text = _ADDRESS.sub("…", _UNPRINTABLE.sub(" ", self.text))
        return " ".join(f"{self.code} {_ONE_OFF.sub('#', text)}".split())[:_LONGEST_REASON]


def classify(message_id: MessageId, stage: Stage, reply: Reply) -> Answer | None:
    """The answer that a reply at this stage amounts to; None: go on to the next stage.

    A sender that is refused is our trouble and not the recipients': nothing is rejected for it, everything waits.
    """
    if reply.good:
        return Accepted(message_id, queued_as(reply.text)) if stage is Stage.DOT else None
    if reply.kind == _NOT_NOW:
        return Retry(message_id, reply.reason, cause=_cause(stage, reply))
    if reply.for_good and stage is Stage.MAIL and reply.code != _TOO_LARGE:
        return Retry(message_id, f"the sender is refused: {reply.reason}", cause=Cause.UNREACHABLE)
    if reply.for_good:
        return Rejected(message_id, reply.reason)
    nonsense = f"the relay's answer to {stage.value} makes no sense: {reply.reason}"
    return Unknown(message_id, nonsense) if stage is Stage.DOT else Retry(message_id, nonsense, cause=Cause.UNREACHABLE)


def queued_as(text: str) -> str | None:
    """The relay's own name for the message, where its reply tells one."""
    found = _QUEUED_AS.search(text)
    return found.group(1) if found else None


def _cause(stage: Stage, reply: Reply) -> Cause:
    about_us = stage is Stage.MAIL and reply.code != _NO_ROOM
    return Cause.THROTTLED if about_us else Cause.MESSAGE
