"""The mail program: real letters, real links, a real web process."""

from pathlib import Path

import numpy as np
import orjson
import pandas as pd
import pytest

from delivery.compile import compile_campaign
from delivery.compose import Composer
from delivery.esp.folder import Folder
from delivery.links import Signer
from domain.content import Content
from domain.errors import InputError, UnavailableError
from domain.event import EventKind
from domain.ids import PlacementId, RecipientId, SendId, VariantId, decision_id_of, message_id_of
from domain.ledger import ClaimRequest
from domain.recipient import AttributeKind, Recipient, normalised
from domain.send import Send
from simulator.letters import surfaces_of
from simulator.mail_reader import Request, arrived, follow, requests_of
from simulator.mailboxes import Town
from simulator.people import People, draw_people
from simulator.readers import Reading, read_letters
from simulator.replies import reply
from simulator.shop_files import save_truth
from storage.address_book import AddressBook
from storage.contents import Contents
from storage.database import Database
from storage.events import Events
from storage.ledger import SqlLedger
from storage.preferences import PreferenceBook
from storage.recipients import Recipients
from storage.sends import Sends
from storage.suppressions import Suppressions
from tests.simulator.world import SEED, UNTIL
from tests.web.serving import Gone, Served
from web.app import create_app

STARTER = Path(__file__).resolve().parents[2] / "templates" / "weekly"
SIGNER = Signer({"k1": b"1" * 32})
SEND = SendId("weekly-20261123T000000Z")


@pytest.fixture(scope="module")
def content() -> Content:
    return compile_campaign(STARTER)


@pytest.fixture(scope="module")
def send(content: Content) -> Send:
    return Send(SEND, content.campaign.campaign, UNTIL, UNTIL, content.content_version, None, 1, "folder", "http://127.0.0.1:8085", "k1")


@pytest.fixture(scope="module")
def people() -> People:
    return draw_people(600, SEED, UNTIL)


@pytest.fixture(scope="module")
def decisions(content: Content, people: People) -> pd.DataFrame:
    """A random slate for each."""
    rng, rows = np.random.default_rng(1), []
    for surface in surfaces_of(content):
        ids = [choice.variant for choice in surface.choices]
        for recipient in people.recipients["recipient_id"]:
            for position, place in enumerate(rng.permutation(len(ids))[: surface.positions], start=1):
                rows.append((recipient, surface.placement, position, ids[place]))
    return pd.DataFrame(rows, columns=["recipient_id", "placement", "position", "variant"])


@pytest.fixture(scope="module")
def mailbox(tmp_path_factory: pytest.TempPathFactory, content: Content, send: Send, people: People, decisions: pd.DataFrame) -> Path:
    """Everybody's letter but the last ten's, printed and handed off into a folder."""
    folder, composer = tmp_path_factory.mktemp("mailbox"), Composer(content, send, SIGNER)
    slates = {str(who): own.groupby("placement")["variant"].agg(tuple) for who, own in decisions.groupby("recipient_id")}
    letters = []
    for row in people.recipients.head(-10).itertuples():
        attributes = {name: getattr(row, name) for name in ("country", "favourite", "orders", "spend", "tier")}
        name = str(row.first_name) if isinstance(row.first_name, str) else None
        recipient = Recipient(
            RecipientId(str(row.recipient_id)), str(row.address), consent=True, attributes=attributes | {"first_name": name}
        )
        chosen = {PlacementId(str(place)): tuple(map(VariantId, slate)) for place, slate in slates[str(row.recipient_id)].items()}
        letters.append(composer.compose(recipient, chosen))
    list(Folder(folder).hand_off(letters))
    return folder


@pytest.fixture
def parts(sqlite_database: Database, content: Content, send: Send, people: People) -> Served:
    """Stores that know the send and its letters, as the web process reads them."""
    Contents(sqlite_database).save(content, UNTIL)
    Sends(sqlite_database).open(send, UNTIL)
    _import(Recipients(sqlite_database), people)
    ledger = SqlLedger(sqlite_database)
    requests = [
        ClaimRequest(message_id_of(SEND, RecipientId(who)), SEND, RecipientId(who), 0, address, "p", "b")
        for who, address in zip(people.recipients["recipient_id"], people.recipients["address"], strict=True)
    ]
    ledger.claim(requests, run_id="run", esp="folder", calls=lambda won: dict.fromkeys(won, "b"), at=UNTIL)
    return Served(
        database=sqlite_database,
        decisions=Gone(),
        events=Events(sqlite_database),
        suppressions=Suppressions(sqlite_database),
        messages=ledger,
        address_book=AddressBook(sqlite_database),
        contents=Contents(sqlite_database),
        sends=Sends(sqlite_database),
        preferences=PreferenceBook(sqlite_database),
        signer=SIGNER,
    )


def _import(recipients: Recipients, people: People) -> None:
    names = ["recipient_id", "address", "time_zone", "locale", "consent", "created_at"]
    attributes = people.recipients[["country"]].to_dict("records")
    frame = people.recipients[names].assign(
        address_normalised=people.recipients["address"].map(normalised), attributes=[orjson.dumps(one).decode() for one in attributes]
    )
    recipients.declare({"country": AttributeKind.CATEGORICAL}, UNTIL)
    recipients.upsert(frame, UNTIL)


@pytest.fixture
def reading(people: People, content: Content, decisions: pd.DataFrame, mailbox: Path) -> Reading:
    there = arrived(mailbox, SEND, decisions["recipient_id"].unique())
    read = decisions[decisions["recipient_id"].isin(there)]
    return read_letters(people, surfaces_of(content), read, send_id=SEND, seed=SEED, at=UNTIL)


@pytest.fixture
def shop(tmp_path: Path, people: People) -> Path:
    save_truth(tmp_path, people, SEED)
    return tmp_path


def test_only_what_arrived_is_read(mailbox: Path, people: People) -> None:
    """Recipients whose letter is not in the mailbox are not among the readers."""
    ids = people.recipients["recipient_id"].tolist()
    assert arrived(mailbox, SEND, [*ids, "nobody"]) == set(ids[:-10])
    assert arrived(mailbox, SendId("another"), ids) == set()


def test_clicks_come_back_as_events_of_their_decisions(parts: Served, mailbox: Path, content: Content, reading: Reading) -> None:
    """Every click on a block becomes a stored event that names the decision which put the block there."""
    followed = follow(requests_of(mailbox, SEND, reading, content.links, SIGNER), create_app(parts))
    assert (followed.clicked, followed.without_link) == (len(reading.clicks), 0)
    expected = {
        decision_id_of(SEND, RecipientId(who), PlacementId(placement), int(position))
        for who, placement, position in zip(
            reading.clicks["recipient_id"], reading.clicks["placement"], reading.clicks["position"], strict=True
        )
    }
    stored = [event for event in parts.events.of_send(SEND) if event.kind is EventKind.CLICKED]
    assert {event.decision_id for event in stored} == expected
    assert len(stored) == len(reading.clicks) > 20


def test_unsubscribing_suppresses(parts: Served, mailbox: Path, content: Content, reading: Reading, people: People) -> None:
    """A reader who asks to be left alone is suppressed by the one-click request their mail program makes."""
    leaving = reading.opened[:3]
    wish = Reading(reading.opened, leaving, reading.clicks.iloc[:0], reading.purchases.iloc[:0])
    assert follow(requests_of(mailbox, SEND, wish, content.links, SIGNER), create_app(parts)).unsubscribed == 3
    addresses = set(people.recipients.set_index("recipient_id").loc[list(leaving), "address"])
    assert parts.suppressions.among(people.recipients["address"]) == addresses


def test_blocks_without_links_are_counted(mailbox: Path, reading: Reading) -> None:
    """A click on a block that has no link of ours is counted, and nothing is requested."""
    assert set(requests_of(mailbox, SEND, Reading((), (), reading.clicks, reading.purchases), (), SIGNER)) == {None}


def test_a_whole_reply(parts: Served, mailbox: Path, shop: Path, send: Send, decisions: pd.DataFrame) -> None:
    """A shop replies to a send in one go: clicks counted, purchases written for import."""
    content = parts.contents.load(send.content_version)
    found = reply(shop, mailbox, send, content, decisions, signer=SIGNER, web=create_app(parts), at=UNTIL)
    assert found.letters == 590
    assert 0 < found.clicks < found.opened < found.letters
    assert (found.purchases_file is None) == (found.purchases == 0)
    if found.purchases_file:
        assert len(pd.read_parquet(found.purchases_file)) == found.purchases


def test_scanners_follow_links_too(parts: Served, mailbox: Path, shop: Path, send: Send, decisions: pd.DataFrame) -> None:
    """In a town some mailboxes have scanners: their requests are stored like any other, with agents of their own."""
    content = parts.contents.load(send.content_version)
    town = Town(staff=5)
    found = reply(shop, mailbox, send, content, decisions, signer=SIGNER, web=create_app(parts), at=UNTIL, town=town)
    assert found.scans > 50
    agents = {orjson.loads(event.raw)["user_agent"] for event in parts.events.of_send(SEND) if event.kind is EventKind.CLICKED}
    assert len(agents) > 3


def test_links_that_are_not_known(parts: Served) -> None:
    """A link that the web process does not know is an error, not a click."""
    with pytest.raises(InputError, match="404"):
        follow([Request("/c/forged")], create_app(parts))


def test_web_process_away() -> None:
    """Without a web process at the address, the reader says so."""
    with pytest.raises(UnavailableError, match="letterpress serve"):
        follow([Request("/c/x")], "http://127.0.0.1:9")
