"""The HTTP process over real stores: one send of one campaign, handed off to a few recipients."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import sqlalchemy as sa

from delivery.links import Signer
from delivery.recipient_tokens import RecipientTokens
from domain.campaign import Campaign, Placement, Sender
from domain.content import Block, Content, Frame, Link, Variant
from domain.errors import UnavailableError
from domain.hashing import bucket_of
from domain.ids import CampaignId, ContentVersion, MessageId, PlacementId, RecipientId, VariantId, message_id_of, send_id_of
from domain.ledger import ClaimRequest
from domain.recipient import normalised
from domain.send import Send
from domain.site_event import EventRates
from storage.address_book import AddressBook
from storage.contents import Contents
from storage.database import Database
from storage.decision_reader import DecisionReader
from storage.decision_store import DecisionStore
from storage.events import Events
from storage.ledger import SqlLedger
from storage.preferences import PreferenceBook
from storage.publications import Publications
from storage.schema import recipients
from storage.sends import Sends
from storage.serving_figures import ServingFigures
from storage.site_events import SiteEvents
from storage.suppressions import Suppressions

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
CAMPAIGN = CampaignId("weekly")
SEND = send_id_of(CAMPAIGN, AT)
HERO = PlacementId("weekly.hero")
KEYS = {"k1": b"one key", "k0": b"an older key"}
SIGNER = Signer(KEYS)
WRITE_KEYS = {"a-key-of-the-shop": "shop", "its-next-key": "shop", "a-key-of-the-app": "app"}
STATIC, DYNAMIC, FRAME, SCRIPT = "0000000a", "0000000b", "0000000c", "0000000d"


@dataclass
class Time:
    """A clock that stands still until it is moved."""

    now: datetime = AT

    def __call__(self) -> datetime:
        return self.now


def _nothing_outside(url: str) -> NoReturn:
    raise UnavailableError(f"a test does not reach {url}")


@dataclass
class Hooks:
    """Whose webhooks are taken: nobody's, until a test says so."""

    accounts: Any = field(default_factory=dict)
    inbox: Any = None
    public_url: str = "http://127.0.0.1:8085"
    fetch: Callable[[str], bytes] = _nothing_outside


@dataclass
class ServedPlacements:
    """What placements are served from. Nothing is published, and nobody has a key, until a test says so."""

    reader: Any
    publications: Any
    figures: Any
    tokens: RecipientTokens = field(default_factory=lambda: RecipientTokens(KEYS))
    servers: dict[str, str] = field(default_factory=dict)
    origins: frozenset[str] = frozenset()
    per_network: int = 0
    slow_ms: float = 0.0
    documents: dict[tuple[str, str, str], bytes] = field(default_factory=dict)

    def document(self, placement: PlacementId, variant: VariantId, version: str) -> bytes | None:
        return self.documents.get((placement, variant, version))


@dataclass
class Served:
    """The parts, as `web.parts.Serving` asks for them. Tests exchange some for `Gone()`."""

    database: Any
    decisions: Any
    events: Any
    suppressions: Any
    messages: Any
    address_book: Any
    contents: Any
    sends: Any
    site_events: Any = None
    signals: Any = field(default_factory=lambda: Gone())  # noqa: PLW0108 - the class stands below
    preferences: Any = None
    letters: Any = None
    placements: Any = field(default_factory=lambda: ServedPlacements(DecisionReader("redis://127.0.0.1:1"), Gone(), Gone()))
    write_keys: dict[str, str] = field(default_factory=dict)
    event_rates: EventRates = field(default_factory=EventRates)
    webhooks: Hooks = field(default_factory=Hooks)
    metrics_token: str = ""
    signer: Signer = SIGNER
    content_folder: Any = None
    clock: Time = field(default_factory=Time)


class Gone:
    """A part that does not answer."""

    def __getattr__(self, _name: str) -> Callable[..., NoReturn]:
        def refuse(*_arguments: object, **_named: object) -> NoReturn:
            raise UnavailableError("the database does not answer", where="/secret/place")

        return refuse


def variant(name: str, *, default: bool = False) -> Variant:
    """A variant of the hero."""
    return Variant(VariantId(name), HERO, name, "shoes", default, Block("<p></p>", "", False))


def content() -> Content:
    """A campaign with one placement of two variants and four links."""
    campaign = Campaign(
        campaign=CAMPAIGN,
        title="Weekly",
        sender=Sender("Söle & Søn", "news@shop.example"),
        postal_address="1 Street",
        audience="true",
        placements=(Placement(HERO, "hero"),),
        topic="news",
    )
    links = (
        Link(STATIC, "https://shop.example/söle?a=1&b=%20#top", 1, HERO, VariantId("spring")),
        Link(DYNAMIC, "https://shop.example/{{ city }}", 2, HERO, VariantId("spring"), dynamic=True),
        Link(FRAME, "https://shop.example/", 3),
        Link(SCRIPT, "javascript:alert(1)", 4),
    )
    frame = Frame(("", ""), ("", ""), (HERO,))
    return Content(ContentVersion("v1"), campaign, frame, (variant("plain", default=True), variant("spring")), links)


def message(who: str = "r1") -> MessageId:
    """The message of a recipient in the send."""
    return message_id_of(SEND, RecipientId(who))


def served(database: Database, decision_store: DecisionStore, redis_url: str) -> Served:
    """Stores in which r1 and r2 have been sent their letters."""
    Contents(database).save(content(), AT)
    send = Send(SEND, CAMPAIGN, AT, AT, ContentVersion("v1"), None, 1, "folder", "http://127.0.0.1", "k1", topic="news")
    Sends(database).open(send, AT)
    for who in ("r1", "r2"):
        _add(database, who)
    requests = [ClaimRequest(message(who), SEND, RecipientId(who), 0, f"{who}@example.org", "p", "b") for who in ("r1", "r2")]
    ledger = SqlLedger(database)
    ledger.claim(requests, run_id="run-1", esp="folder", calls=lambda won: dict.fromkeys(won, "b"), at=AT)
    decision_store.publish([(RecipientId("r1"), HERO, (VariantId("spring"),), SEND)], timedelta(days=1), AT)
    return Served(
        database=database,
        decisions=decision_store,
        events=Events(database),
        suppressions=Suppressions(database),
        messages=ledger,
        address_book=AddressBook(database),
        contents=Contents(database),
        sends=Sends(database),
        site_events=SiteEvents(database),
        preferences=PreferenceBook(database),
        write_keys=dict(WRITE_KEYS),
        placements=ServedPlacements(
            reader=DecisionReader(redis_url, budget=timedelta(seconds=5)),  # a busy machine says nothing of what is served
            publications=Publications(database),
            figures=ServingFigures(redis_url),
        ),
    )


def _add(database: Database, who: str) -> None:
    address = f"{who.upper()}@Example.org"
    row = {
        "recipient_id": who,
        "address": address,
        "address_normalised": normalised(address),
        "bucket": bucket_of(who),
        "time_zone": "UTC",
        "locale": "en",
        "consent": True,
        "attributes": "{}",
        "updated_at": AT,
    }
    with database.begin() as connection:
        connection.execute(sa.insert(recipients), row)
