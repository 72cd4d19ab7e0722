"""What the HTTP process needs of the house: a few reads and three writes, none of which knows frames or models."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from delivery.links import Signer
from domain.content import Content
from domain.decision import PublishedDecision
from domain.event import ReceivedEvent
from domain.ids import ContentVersion, MessageId, PlacementId, RecipientId, SendId, VariantId
from domain.message import LedgerEntry, SuppressionReason
from domain.send import Send


class Checked(Protocol):
    """Something that may be down."""

    def check(self) -> None:
        """Raise UnavailableError unless it answers."""
        ...


class Decisions(Checked, Protocol):
    """The decision store."""

    def get(self, recipient_id: RecipientId, placement: PlacementId, at: datetime, default: Sequence[VariantId]) -> PublishedDecision:
        """What was decided, or the default if that is missing, stale or unreadable. Never raises."""
        ...


class Events(Protocol):
    """Where events are kept as received."""

    def append(self, rows: Sequence[ReceivedEvent]) -> object:
        """Store durably; an event whose id is there already is left out."""
        ...


class Suppressions(Protocol):
    """The do-not-mail list."""

    def add(self, address: str, reason: SuppressionReason, at: datetime, detail: str | None = None) -> object:
        """Suppress an address; again changes nothing."""
        ...


class Messages(Protocol):
    """The ledger, for looking up what a link belongs to."""

    def message(self, message_id: MessageId) -> LedgerEntry | None:
        """The ledger's row of a message."""
        ...


class AddressBook(Protocol):
    """The recipients, one at a time."""

    def address_of(self, recipient_id: RecipientId) -> str | None:
        """Where a recipient is written to; None if they were erased."""
        ...


class Contents(Protocol):
    """Compiled campaigns."""

    def load(self, content_version: ContentVersion) -> Content:
        """The content of a version; InputError if there is none."""
        ...


class Sends(Protocol):
    """The sends there were."""

    def get(self, send_id: SendId) -> Send | None:
        """The send of this id."""
        ...

    def list(self) -> Iterable[Send]:
        """All sends, the latest first."""
        ...


class Serving(Protocol):
    """All of it. `runtime.serving` builds one; tests build theirs from the same stores."""

    @property
    def database(self) -> Checked: ...
    @property
    def decisions(self) -> Decisions: ...
    @property
    def events(self) -> Events: ...
    @property
    def suppressions(self) -> Suppressions: ...
    @property
    def messages(self) -> Messages: ...
    @property
    def address_book(self) -> AddressBook: ...
    @property
    def contents(self) -> Contents: ...
    @property
    def sends(self) -> Sends: ...
    @property
    def signer(self) -> Signer: ...
    @property
    def clock(self) -> Callable[[], datetime]: ...
