"""The inbox keeps posts once, and turns them into events, suppressions and nothing else, once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from delivery.esp.provider import OUR_ID
from delivery.webhooks.reading import understand_waiting
from domain.bounce import StrikeRule
from domain.event import EventKind
from domain.hashing import bucket_of
from domain.ids import CampaignId, MessageId, RecipientId, SendId, message_id_of, send_id_of
from domain.ledger import ClaimRequest, Settlement
from domain.message import MessageStatus, SuppressionReason
from domain.recipient import normalised
from domain.webhook import StoredTelling, WebhookPost
from storage.database import Database
from storage.erased_addresses import keep_hashed
from storage.events import Events
from storage.inbox import Inbox
from storage.ledger import SqlLedger
from storage.schema import bounces, events, recipients, suppressions, webhook_posts
from storage.suppressions import Suppressions

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
SEND = send_id_of(CampaignId("weekly"), AT)
LATER = AT + timedelta(hours=1)


@pytest.fixture
def inbox(database: Database) -> Inbox:
    """An inbox over a ledger in which r1 and r2 have got three letters each."""
    row = {"time_zone": "UTC", "locale": "en", "consent": True, "attributes": "{}", "updated_at": AT}
    people = [{"recipient_id": who, "address": f"{who.upper()}@Example.org", "bucket": bucket_of(who), **row} for who in ("r1", "r2", "r3")]
    with database.begin() as connection:
        connection.execute(sa.insert(recipients), [one | {"address_normalised": normalised(str(one["address"]))} for one in people])
    for send in (SEND, *(SendId(f"weekly-{number}") for number in (2, 3))):
        claims = [ClaimRequest(letter(who, send), send, RecipientId(who), 0, f"{who}@example.org", "p", "b") for who in ("r1", "r2")]
        SqlLedger(database).claim(claims, run_id="run", esp="sendgrid", calls=lambda won: dict.fromkeys(won, "call"), at=AT)
    return Inbox(database)


def letter(who: str = "r1", send: str = SEND) -> MessageId:
    """A recipient's letter in a send."""
    return message_id_of(SendId(send), RecipientId(who))


def told(*given: dict[str, object], account: str = "news", at: datetime = AT) -> WebhookPost:
    """A post of SendGrid's."""
    return WebhookPost(account, "sendgrid", {"content-type": "application/json"}, orjson.dumps(list(given)), at)


def event(kind: str = "delivered", name: str = "1", who: str = "r1", send: str = SEND, **more: object) -> dict[str, object]:
    """An event of SendGrid's."""
    head = {
        "email": f"{who}@example.org",
        "event": kind,
        "sg_event_id": name,
        "timestamp": int(AT.timestamp()) - 60,
        OUR_ID: letter(who, send),
    }
    return {**head, **more}


def full(name: str, who: str = "r1", send: str = SEND, **more: object) -> dict[str, object]:
    """A soft bounce."""
    return event("bounce", name, who, send, type="blocked", reason="452 4.2.2 mailbox full", **more)


def understood(inbox: Inbox, *posts: WebhookPost) -> StoredTelling:
    """Keep posts and understand them."""
    inbox.append(posts)
    total = StoredTelling()
    while (stored := understand_waiting(inbox, lambda: LATER)) is not None:
        total += stored
    return total


def reasons(database: Database) -> dict[str, str]:
    """Suppressed address → why."""
    with database.connect() as connection:
        return dict(connection.execute(sa.select(suppressions.c.address_normalised, suppressions.c.reason)).tuples().all())


def test_a_post_is_kept_as_it_came(inbox: Inbox, database: Database) -> None:
    """Bytes, headers, account and instant come out as they went in; what is repeated is kept once."""
    post = WebhookPost("news", "resend", {"svix-id": "msg_1"}, b"\x00\xff{", AT)
    inbox.append([post])
    inbox.append([replace(post, received_at=LATER), replace(post, account="other")])
    first, second = inbox.waiting()
    assert (first.post_id, first.account, first.provider, first.headers, first.body, first.received_at) == (
        *(post.post_id, "news", "resend", {"svix-id": "msg_1"}, b"\x00\xff{", AT),
    )
    assert second.account == "other"
    assert (inbox.state().waiting, inbox.state().oldest_at) == (2, AT)


def test_the_same_post_twice_in_one_transaction(inbox: Inbox) -> None:
    """Repetitions that arrive together are one post."""
    assert inbox.append([told(event()), told(event())]) == frozenset()
    assert inbox.state().waiting == 1


def test_tokens_are_good_for_one_thing(inbox: Inbox) -> None:
    """A token that comes again with the same is a repetition; with anything else it is refused, now and later."""
    true = WebhookPost("mg", "mailgun", {}, b"{1}", AT, token="t", about="e1")
    forged = replace(true, body=b"{2}", about="e2")
    assert inbox.append([true, replace(true, received_at=LATER)]) == frozenset()
    assert inbox.append([forged]) == {forged.post_id}
    understand_waiting(inbox, lambda: LATER)
    assert inbox.append([forged, true]) == {forged.post_id}
    assert inbox.append([replace(forged, account="other")]) == frozenset()
    assert [post.body for post in inbox.waiting()] == [b"{2}"]


def test_the_oldest_first_and_not_too_much(inbox: Inbox) -> None:
    """Posts come out in the order of their arrival, as many as asked for and no more bytes than that, but at least one."""
    posts = [WebhookPost("news", "sendgrid", {}, bytes([number]) * 100, AT - timedelta(seconds=number)) for number in range(5)]
    inbox.append(posts)
    assert [post.body[0] for post in inbox.waiting()] == [4, 3, 2, 1, 0]
    assert [post.body[0] for post in inbox.waiting(most=2)] == [4, 3]
    assert [post.body[0] for post in inbox.waiting(most_bytes=250)] == [4, 3]
    assert [post.body[0] for post in inbox.waiting(most_bytes=1)] == [4]


def test_events_know_their_message(inbox: Inbox, database: Database) -> None:
    """Our id, which came back, finds recipient and send; the source names provider and account."""
    assert understood(inbox, told(event("click"))) == StoredTelling(new=1)
    [stored] = Events(database).of_send(SEND)
    assert (stored.kind, stored.recipient_id, stored.message_id, stored.send_id) == (EventKind.CLICKED, "r1", letter(), SEND)
    assert (stored.source, stored.occurred_at, stored.received_at) == ("sendgrid.news", AT - timedelta(seconds=60), AT)
    assert orjson.loads(stored.raw)["sg_event_id"] == "1"


def test_understood_once(inbox: Inbox, database: Database) -> None:
    """Events that come again, in other posts, by other accounts, are stored once; posts that are understood are emptied."""
    first = understood(inbox, told(event(name="1"), event(name="2")))
    again = understood(inbox, told(event(name="2"), event(name="3")), told(event(name="1"), account="twin"))
    assert (first, again) == (StoredTelling(new=2), StoredTelling(new=1, known=2))
    with database.connect() as connection:
        rows = connection.execute(sa.select(webhook_posts.c.body, webhook_posts.c.headers, webhook_posts.c.understood_at)).all()
    assert {(bytes(body), headers, at) for body, headers, at in rows} == {(b"", "{}", LATER)}
    assert inbox.state().waiting == 0


def test_unknown_messages_are_kept(inbox: Inbox, database: Database) -> None:
    """An event of a message that is not in the ledger keeps its id, and finds its recipient by the address; else it is nobody's."""
    stranger = event(name="2", who="nobody")
    known = event(name="3", who="r3", **{OUR_ID: "x"})
    assert understood(inbox, told(stranger, known)) == StoredTelling(new=2, unattributed=1)
    with database.connect() as connection:
        rows = connection.execute(sa.select(events.c.message_id, events.c.recipient_id, events.c.send_id).order_by(events.c.recipient_id))
        assert set(rows.tuples()) == {(letter("nobody"), None, None), (None, "r3", None)}


def test_without_our_id(inbox: Inbox, database: Database) -> None:
    """What lacks our id belongs to the letter that this ESP took for this address under its own; brackets about an id do not matter."""
    sends = [SEND, SendId("weekly-2"), SendId("weekly-3")]
    taken = [(letter(who, send), f"<{number}>") for who in ("r1", "r2") for number, send in enumerate(sends)]
    SqlLedger(database).settle([Settlement(message, MessageStatus.ACCEPTED, None, name) for message, name in taken], at=AT)
    bare: dict[str, Any] = {OUR_ID: None, "email": "R2@example.ORG"}
    given = [
        event("delivered", "1", **bare, sg_message_id="1.filter-2"),
        event("spamreport", "2", **bare, sg_message_id="2.recvd"),
        event("delivered", "3", **bare, sg_message_id="7"),  # of another system that uses the same account
        event("delivered", "4", **{**bare, "email": "r3@example.org"}, sg_message_id="1"),  # under the id of somebody else's letter
        event("delivered", "5", **{**bare, "email": "nobody@example.org"}, sg_message_id="1"),
        event("delivered", "6", **{**bare, "email": None}, sg_message_id="1"),
        event("something new", "7", **bare, sg_message_id="1"),
    ]
    assert understood(inbox, told(*given)).unattributed == 2
    with database.connect() as connection:
        query = sa.select(events.c.recipient_id, events.c.message_id, events.c.send_id)
        found = [tuple(row) for row in connection.execute(query)]
    assert found.count(("r2", letter("r2", sends[1]), sends[1])) == 2
    assert found.count(("r2", letter("r2", sends[2]), sends[2])) == 1
    assert sorted(found, key=str).count(("r2", None, None)) == found.count(("r3", None, None)) == 1
    assert found.count((None, None, None)) == 2
    assert len(found) == len(given)


def test_the_future_is_not_believed(inbox: Inbox, database: Database) -> None:
    """An event that says it will happen, and one that says nothing, happened when they were received."""
    understood(inbox, told(event(name="1", timestamp=4_000_000_000), event(name="2", timestamp="soon")))
    assert {one.occurred_at for one in Events(database).of_send(SEND)} == {AT}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (event("bounce", reason="550 5.1.1 no such user", type="bounce"), SuppressionReason.HARD_BOUNCED),
        (event("spamreport"), SuppressionReason.COMPLAINED),
        (event("unsubscribe"), SuppressionReason.UNSUBSCRIBED),
        (event("dropped", reason="Unsubscribed Address"), SuppressionReason.UNSUBSCRIBED),
    ],
)
def test_suppressed_at_once(inbox: Inbox, database: Database, given: dict[str, object], reason: SuppressionReason) -> None:
    """A hard bounce, a complaint and a wish to leave suppress in the transaction of the event; the next claim refuses."""
    assert understood(inbox, told(given)).suppressed == 1
    assert reasons(database) == {"r1@example.org": reason}
    request = ClaimRequest(letter("r1", "next"), SendId("next"), RecipientId("r1"), 0, "R1@example.org", "p", "b")
    assert SqlLedger(database).claim([request], run_id="r", esp="e", calls=lambda won: dict.fromkeys(won, "call"), at=LATER).suppressed == {
        request.message_id
    }


def test_no_suppression_without_its_event(inbox: Inbox, database: Database) -> None:
    """If the transaction does not come about there is neither event nor suppression, and the post waits."""
    inbox.append([told(event("spamreport"))])
    with database.begin() as connection:
        connection.execute(sa.text("DROP TABLE suppressions"))
    with pytest.raises(sa.exc.SQLAlchemyError):
        understand_waiting(inbox, lambda: LATER)
    assert (inbox.state().waiting, Events(database).of_send(SEND)) == (1, [])


def test_blocked_or_full_suppresses_nobody(inbox: Inbox, database: Database) -> None:
    """What is our fault, and a mailbox that is full once, keep nobody from further letters; how they were read is kept."""
    listed = event("bounce", "2", type="blocked", reason="550 5.7.1 listed at spamhaus")
    assert understood(inbox, told(full("1"), listed, event("deferred", "3", response="451 4.7.1 greylisted"))).suppressed == 0
    with database.connect() as connection:
        rows = connection.execute(sa.select(bounces.c.kind, bounces.c.cause, bounces.c.status)).tuples()
        assert set(rows) == {("soft", "full", "4.2.2"), ("blocked", "reputation", "5.7.1"), ("soft", "rate", "4.7.1")}


def test_three_strikes(inbox: Inbox, database: Database) -> None:
    """The third letter in a row that comes back suppresses; told twice or in one post, it makes no difference."""
    understood(inbox, told(full("1"), full("2", send="weekly-2"), full("1b")), told(full("9", who="r2")))
    assert reasons(database) == {}
    assert understood(inbox, told(full("3", send="weekly-3"))).suppressed == 1
    assert reasons(database) == {"r1@example.org": SuppressionReason.SOFT_BOUNCED}


def test_an_arrival_in_between(inbox: Inbox, database: Database) -> None:
    """A letter that arrived after two that did not starts the count anew."""
    at = int(AT.timestamp())
    understood(inbox, told(full("1", timestamp=at - 90), full("2", send="weekly-2", timestamp=at - 80)))
    understood(inbox, told(event("delivered", "3", "r1", "weekly-4", timestamp=at - 70), full("4", send="weekly-3", timestamp=at - 60)))
    assert reasons(database) == {}


def test_another_rule(inbox: Inbox, database: Database) -> None:
    """How many strikes there are is a setting; none never suppresses."""
    understood(Inbox(database, StrikeRule(1)), told(full("1")))
    understood(Inbox(database, StrikeRule(0)), told(*(full(str(n), "r2", send) for n, send in enumerate((SEND, "weekly-2", "weekly-3")))))
    assert reasons(database) == {"r1@example.org": SuppressionReason.SOFT_BOUNCED}


def test_who_has_moved(inbox: Inbox, database: Database) -> None:
    """A wish holds for the address that it came from and for the one that the person has now; a bounce for the one that bounced."""
    old = {"email": "old@example.org"}
    understood(inbox, told(event("bounce", reason="550 5.1.1 no such user", type="bounce", **old)))
    assert set(reasons(database)) == {"old@example.org"}
    understood(inbox, told(event("unsubscribe", who="r2", email="older@example.org")))
    assert set(reasons(database)) == {"old@example.org", "older@example.org", "r2@example.org"}


def test_the_erased_stay_erased(inbox: Inbox, database: Database) -> None:
    """A late complaint of somebody who was erased does not bring their address back into the list: they are not written to anyway."""
    with database.begin() as connection:
        keep_hashed(database, connection, "r1@example.org", SuppressionReason.UNSUBSCRIBED, AT)
        connection.execute(sa.delete(recipients).where(recipients.c.recipient_id == "r1"))
    assert understood(inbox, told(event("spamreport"))).suppressed == 0
    assert reasons(database) == {}
    assert Suppressions(database).among(["r1@example.org"]) == {"r1@example.org"}


def test_the_order_does_not_matter(inbox: Inbox, database: Database) -> None:
    """The same posts in another order, twice over, by several workers at once: the same events and the same suppressions."""
    given = [event("click", "1"), event("spamreport", "2", "r2"), event("delivered", "3"), event("open", "4", "r2"), full("5")]
    posts = [told(*given[start:] + given[:start], at=AT) for start in range(5)]
    inbox.append(posts)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: [understand_waiting(inbox, lambda: LATER) for _ in range(4)], range(3)))
    assert inbox.state().waiting == 0
    assert sorted(one.kind for one in Events(database).of_send(SEND)) == sorted(["clicked", "complained", "delivered", "opened", "bounced"])
    assert reasons(database) == {"r2@example.org": SuppressionReason.COMPLAINED}


def test_thousands_in_a_post(inbox: Inbox, database: Database) -> None:
    """A post of thousands of events is stored whole."""
    assert understood(inbox, told(*(event("open", str(number)) for number in range(3_500)))).new == 3_500
    assert len(Events(database).of_send(SEND)) == 3_500


def test_posts_expire(inbox: Inbox, database: Database) -> None:
    """Posts that were understood are forgotten after a time; what waits is not, however old."""
    understood(inbox, told(event()))
    inbox.append([told(event(name="2"))])
    assert (inbox.expire(LATER), inbox.expire(LATER + timedelta(seconds=1)), inbox.state().waiting) == (0, 1, 1)
    assert len(Events(database).of_send(SEND)) == 1


def test_values_that_databases_dislike(inbox: Inbox, database: Database) -> None:
    """NUL, lone surrogates and enormous numbers are stored, as JSON writes them."""
    body = b'[{"event": "open", "sg_event_id": "1", "x": "\\u0000\\ud800", "n": 1e999, "m": 123456789012345678901234567890}, "\\u0000", 1]'
    inbox.append([WebhookPost("news", "sendgrid", {}, body, AT), WebhookPost("news", "sendgrid", {}, b"\x00\xff", AT)])
    assert understand_waiting(inbox, lambda: LATER) == StoredTelling(new=4, unattributed=4)
