"""What the HTTP process opens: the light half of the house. Reaches neither pandas nor LightGBM, even indirectly."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from delivery.links import Signer
from runtime.clock import now
from runtime.keys import signing_keys
from runtime.services import redis_url_of
from runtime.settings import Settings
from storage.address_book import AddressBook
from storage.contents import Contents
from storage.database import Database
from storage.decision_store import DecisionStore
from storage.events import Events
from storage.ledger import SqlLedger
from storage.migrations import migrate
from storage.sends import Sends
from storage.suppressions import Suppressions


@dataclass(frozen=True, slots=True)
class Serving:
    """The stores that requests read and write, and what links are signed with."""

    database: Database
    decisions: DecisionStore
    events: Events
    suppressions: Suppressions
    messages: SqlLedger
    address_book: AddressBook
    contents: Contents
    sends: Sends
    signer: Signer
    clock: Callable[[], datetime]


def open_serving(settings: Settings) -> Serving:
    """Open what serving needs and bring the schema up to date. Raises UnavailableError if the database does not answer."""
    settings.var.mkdir(parents=True, exist_ok=True)
    database = Database(database_url_of(settings))
    database.check()
    migrate(database)
    return Serving(
        database=database,
        decisions=DecisionStore(redis_url_of(settings)),
        events=Events(database),
        suppressions=Suppressions(database),
        messages=SqlLedger(database),
        address_book=AddressBook(database),
        contents=Contents(database),
        sends=Sends(database),
        signer=Signer(signing_keys(settings)),
        clock=now,
    )


def database_url_of(settings: Settings) -> str:
    """The configured database, else SQLite under var/."""
    return settings.database_url or f"sqlite:///{settings.var / 'letterpress.db'}"
