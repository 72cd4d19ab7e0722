"""Posts of ESPs on their way: kept as they came, then understood."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from domain.event import Heard
from domain.ids import event_id_of, post_id_of, token_id_of


@dataclass(frozen=True, slots=True)
class WebhookPost:
    """A verified post. `headers`: those that help to understand it. `token`: good for one thing only, `about`; None where there is none."""

    account: str
    provider: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    received_at: datetime
    token: str | None = field(default=None, repr=False)
    about: str | None = None

    @property
    def post_id(self) -> str:
        """The same however often it comes."""
        return token_id_of(self.account, self.token) if self.token else post_id_of(self.account, self.body)


@dataclass(frozen=True, slots=True)
class WaitingPost:
    """A post that is not understood yet."""

    post_id: str
    account: str
    provider: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """Something that was heard, with where and when it came in."""

    heard: Heard
    provider: str
    account: str
    received_at: datetime

    @property
    def event_id(self) -> str:
        """By provider and not by account: an event that reaches us by two accounts happened once."""
        return event_id_of(self.provider, self.heard.key)

    @property
    def source(self) -> str:
        """Where it came from, as the events' table has it."""
        return f"{self.provider}.{self.account}"

    @property
    def occurred_at(self) -> datetime:
        """Nothing happened after it was received; what says nothing of when happened when it was received."""
        return min(self.heard.occurred_at or self.received_at, self.received_at)


@dataclass(frozen=True, slots=True)
class StoredTelling:
    """What became of what was told. `unattributed`: events of which nobody knows the recipient."""

    new: int = 0
    known: int = 0
    suppressed: int = 0
    unattributed: int = 0

    def __add__(self, other: "StoredTelling") -> "StoredTelling":
        return StoredTelling(
            self.new + other.new,
            self.known + other.known,
            self.suppressed + other.suppressed,
            self.unattributed + other.unattributed,
        )


@dataclass(frozen=True, slots=True)
class InboxState:
    """How much is waiting to be understood, and since when."""

    waiting: int
    oldest_at: datetime | None
