"""What the HTTP process needs of the house: a few reads and three writes, none of which knows frames or models."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from delivery.links import Signer
from delivery.recipient_tokens import RecipientTokens
from delivery.webhooks.accounts import Account
from domain.content import Content
from domain.decision import PublishedDecision
from domain.event import ReceivedEvent
from domain.ids import CampaignId, ContentVersion, MessageId, PlacementId, RecipientId, SendId, VariantId
from domain.message import FrozenLetter, LedgerEntry, SuppressionReason
from domain.preference import Change
from domain.preference import Preferences as Held
from domain.publication import Publication
from domain.send import Send
from domain.serving import Circuit, ServedLatency, StoredDecision, Trouble
from domain.signal import SignalLag
from domain.site_event import EventRates, RefusedEvent, SiteEvent, StoredEvents
from domain.variant_state import VariantKey
from domain.webhook import InboxState, StoredTelling, Told, WaitingPost, WebhookPost


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


class SiteEvents(Protocol):
    """Where events of the site and the shop are kept."""

    def append(self, given: Sequence[SiteEvent], refused: Sequence[RefusedEvent] = ()) -> StoredEvents:
        """Store durably, each event once; what was refused is set aside."""
        ...


class Inbox(Protocol):
    """Where posts of ESPs are kept until they are understood."""

    def append(self, given: Sequence[WebhookPost]) -> frozenset[str]:
        """Keep durably, each once; returns the ids of those whose token vouched for something else before."""
        ...

    def waiting(self) -> Sequence[WaitingPost]:
        """Those that have waited longest."""
        ...

    def state(self) -> InboxState:
        """How much is waiting."""
        ...

    def store(self, told: Sequence[Told], finished: Collection[str], at: datetime) -> StoredTelling:
        """Store events, each once, and note that these posts are understood."""
        ...


class Webhooks(Protocol):
    """Whose posts are taken, and where they are kept. `public_url`: what ESPs call us by. `fetch`: reads an address of Amazon's."""

    @property
    def accounts(self) -> Mapping[str, Account]: ...
    @property
    def inbox(self) -> Inbox: ...
    @property
    def public_url(self) -> str: ...
    @property
    def fetch(self) -> Callable[[str], bytes]: ...


class Suppressions(Protocol):
    """The do-not-mail list."""

    def add(self, address: str, reason: SuppressionReason, at: datetime, detail: str | None = None) -> object:
        """Suppress an address; again changes nothing."""
        ...


class Preferences(Protocol):
    """What recipients asked to be spared."""

    def topics(self) -> Sequence[str]:
        """What the sends so far were about."""
        ...

    def of(self, recipient_id: RecipientId, at: datetime) -> Held:
        """What holds for a recipient."""
        ...

    def change(self, event: ReceivedEvent, change: Change, at: datetime, detail: str) -> None:
        """Store the event, once, and do what it asks for, in one transaction."""
        ...


class Letters(Protocol):
    """What letters were printed from, frozen when their send was planned."""

    def of(self, send_id: SendId, shard: int, recipient_id: RecipientId) -> FrozenLetter | None:
        """One recipient's; None if it is not kept any more, or they were erased."""
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

    def latest(self, campaign: CampaignId) -> Content | None:
        """The content of a campaign that was compiled last."""
        ...


class Sends(Protocol):
    """The sends there were."""

    def get(self, send_id: SendId) -> Send | None:
        """The send of this id."""
        ...

    def contents(self) -> Mapping[CampaignId, ContentVersion]:
        """What each campaign was sent, or refreshed, with last."""
        ...


class PlacementReader(Protocol):
    """The decision store, for pages that wait. Belongs to the event loop it is used in."""

    @property
    def circuit(self) -> Circuit: ...

    async def start(self) -> bool:
        """Connect."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...

    async def read(self, who: Sequence[RecipientId], campaigns: Sequence[str]) -> Sequence[Mapping[PlacementId, StoredDecision]] | Trouble:
        """What these campaigns hold for each of them, within a time budget, or why it cannot be told. Never raises."""
        ...


class Publications(Protocol):
    """What pages show of variants."""

    def served(self, placements: Iterable[PlacementId] | None, instant: datetime) -> Mapping[VariantKey, Publication]:
        """By variant; one that is not in it is shown to nobody."""
        ...


class ServingFigures(Protocol):
    """Where it is told how fast pages are answered."""

    def tell(self, latency: ServedLatency) -> None:
        """Keep it for whoever asks. Raises UnavailableError."""
        ...


class Placements(Protocol):
    """What placements are served from, and who may ask.

    `servers`: keys with which servers ask by recipient id. `origins`: sites whose pages may ask; `*` for all. `per_network`: requests per
    second that one network may make over a minute. `slow_ms`: 99th percentile above which an alarm is raised.
    """

    @property
    def reader(self) -> PlacementReader: ...
    @property
    def publications(self) -> Publications: ...
    @property
    def tokens(self) -> RecipientTokens: ...
    @property
    def servers(self) -> Mapping[str, str]: ...  # key → name
    @property
    def origins(self) -> frozenset[str]: ...
    @property
    def per_network(self) -> int: ...
    @property
    def slow_ms(self) -> float: ...
    @property
    def figures(self) -> ServingFigures: ...

    def document(self, placement: PlacementId, variant: VariantId, version: str) -> bytes | None:
        """The JSON that was published of a variant; None if its file is gone. Raises UnavailableError."""
        ...


class Signals(Protocol):
    """Where signals wait for whoever reacts to them."""

    def lag(self, at: datetime) -> SignalLag:
        """How far behind those are. Raises UnavailableError."""
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
    def site_events(self) -> SiteEvents: ...
    @property
    def signals(self) -> Signals: ...
    @property
    def write_keys(self) -> Mapping[str, str]: ...  # key → source
    @property
    def event_rates(self) -> EventRates: ...
    @property
    def metrics_token(self) -> str: ...  # empty: metrics are for this machine alone
    @property
    def webhooks(self) -> Webhooks: ...
    @property
    def suppressions(self) -> Suppressions: ...
    @property
    def preferences(self) -> Preferences: ...
    @property
    def letters(self) -> Letters: ...
    @property
    def messages(self) -> Messages: ...
    @property
    def address_book(self) -> AddressBook: ...
    @property
    def contents(self) -> Contents: ...
    @property
    def sends(self) -> Sends: ...
    @property
    def placements(self) -> Placements: ...
    @property
    def signer(self) -> Signer: ...
    @property
    def content_folder(self) -> Path | None: ...  # of published content; None where it is elsewhere
    @property
    def clock(self) -> Callable[[], datetime]: ...
