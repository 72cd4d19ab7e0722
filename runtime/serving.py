"""What the HTTP process opens: the light half of the house. Reaches neither pandas nor LightGBM, even indirectly."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from delivery.links import Signer
from delivery.published_files import path_of
from delivery.recipient_tokens import RecipientTokens
from delivery.webhooks.accounts import Account, accounts_of
from domain.bounce import StrikeRule
from domain.ids import PlacementId, RecipientId, SendId, VariantId
from domain.message import FrozenLetter
from domain.site_event import EventRates
from runtime.clock import now
from runtime.fetching import fetch
from runtime.keys import placement_keys, signing_keys, write_keys
from runtime.services import redis_url_of
from runtime.settings import Settings
from storage.address_book import AddressBook
from storage.content_files import ContentFiles
from storage.contents import Contents
from storage.database import Database
from storage.decision_reader import DecisionReader
from storage.decision_store import DecisionStore
from storage.events import Events
from storage.inbox import Inbox
from storage.ledger import SqlLedger
from storage.migrations import migrate
from storage.preferences import PreferenceBook
from storage.publications import Publications
from storage.sends import Sends
from storage.serving_figures import ServingFigures
from storage.signalling import SignallingEvents
from storage.signals import SignalStreams
from storage.site_events import SiteEvents
from storage.suppressions import Suppressions

if TYPE_CHECKING:
    from storage.frozen_letters import FrozenLetters


@dataclass(frozen=True, slots=True)
class ServingWebhooks:
    """Whose posts are taken, where they are kept, and how an address of Amazon's is read."""

    accounts: Mapping[str, Account]
    inbox: Inbox
    public_url: str
    fetch: Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class LettersOnDemand:
    """`storage.frozen_letters`, opened when somebody first looks at a letter in a browser: until then, which may be for ever, this
    process does without pyarrow."""

    lake_url: str

    def of(self, send_id: SendId, shard: int, recipient_id: RecipientId) -> FrozenLetter | None:
        """See `FrozenLetters.of`."""
        return _letters(self.lake_url).of(send_id, shard, recipient_id)


@cache
def _letters(lake_url: str) -> "FrozenLetters":
    from storage.frozen_letters import FrozenLetters

    return FrozenLetters(lake_url)


@dataclass(frozen=True, slots=True)
class ServingPlacements:
    """What placements are served from, and who may ask: see `web.parts.Placements`."""

    reader: DecisionReader
    publications: Publications
    tokens: RecipientTokens
    servers: Mapping[str, str]
    origins: frozenset[str]
    per_network: int
    slow_ms: float
    figures: ServingFigures
    files: ContentFiles

    def document(self, placement: PlacementId, variant: VariantId, version: str) -> bytes | None:
        """What was published of a variant, if its file is there."""
        return self.files.read(path_of(placement, variant, version))


@dataclass(frozen=True, slots=True)
class Serving:
    """The stores that requests read and write, and what links are signed with."""

    database: Database
    decisions: DecisionStore
    events: Events
    site_events: SignallingEvents
    signals: SignalStreams
    write_keys: Mapping[str, str]
    event_rates: EventRates
    webhooks: ServingWebhooks
    metrics_token: str
    suppressions: Suppressions
    preferences: PreferenceBook
    letters: LettersOnDemand
    messages: SqlLedger
    address_book: AddressBook
    contents: Contents
    sends: Sends
    placements: ServingPlacements
    signer: Signer
    content_folder: Path | None
    clock: Callable[[], datetime]


def open_serving(settings: Settings) -> Serving:
    """Open what serving needs and bring the schema up to date. Raises UnavailableError if the database does not answer."""
    settings.var.mkdir(parents=True, exist_ok=True)
    database = Database(database_url_of(settings))
    database.check()
    migrate(database)
    streams = signal_streams(settings)
    return Serving(
        database=database,
        decisions=DecisionStore(redis_url_of(settings)),
        events=Events(database),
        site_events=SignallingEvents(SiteEvents(database), streams, settings.session_rule),
        signals=streams,
        write_keys=write_keys(settings),
        event_rates=EventRates(settings.events_per_key, settings.events_per_network),
        webhooks=_webhooks(settings, database),
        metrics_token=settings.metrics_token,
        suppressions=Suppressions(database),
        preferences=PreferenceBook(database),
        letters=LettersOnDemand(settings.lake_url or str(settings.var / "lake")),
        messages=SqlLedger(database),
        address_book=AddressBook(database),
        contents=Contents(database),
        sends=Sends(database),
        placements=_placements(settings, database),
        signer=Signer(signing_keys(settings)),
        content_folder=settings.content_folder,
        clock=now,
    )


def signal_streams(settings: Settings) -> SignalStreams:
    """The streams that signals are told to, whether or not anybody reads them."""
    return SignalStreams(redis_url_of(settings), partitions=settings.signal_partitions, most=settings.signals_waiting)


def _placements(settings: Settings, database: Database) -> ServingPlacements:
    url = redis_url_of(settings)
    return ServingPlacements(
        reader=DecisionReader(url, budget=timedelta(milliseconds=settings.read_budget_ms)),
        publications=Publications(database),
        tokens=RecipientTokens(signing_keys(settings)),
        servers=placement_keys(settings),
        origins=frozenset(origin.strip().rstrip("/") for origin in settings.placement_origins.split(",") if origin.strip()),
        per_network=settings.placements_per_network,
        slow_ms=float(settings.serving_p99_ms),
        figures=ServingFigures(url),
        files=ContentFiles(settings.content_place),
    )


def _webhooks(settings: Settings, database: Database) -> ServingWebhooks:
    inbox = Inbox(database, StrikeRule(strikes=settings.soft_bounces))
    return ServingWebhooks(accounts_of(settings.webhooks), inbox, settings.public_url, fetch)


def database_url_of(settings: Settings) -> str:
    """The configured database, else SQLite under var/."""
    return settings.database_url or f"sqlite:///{settings.var / 'letterpress.db'}"
