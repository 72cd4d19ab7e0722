"""Erasing a person from every store and file, and handing over what is known of them."""

import gzip
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from delivery.esp.folder_layout import path_of
from domain.campaign import Holdout
from domain.errors import InputError
from domain.event import EventKind, ReceivedEvent
from domain.hashing import bucket_of
from domain.ids import (
    CampaignId,
    ContentVersion,
    MessageId,
    PlacementId,
    RecipientId,
    VariantId,
    decision_id_of,
    event_id_of,
    message_id_of,
    send_id_of,
)
from domain.message import SuppressionReason
from domain.send import Send, SendStatus
from domain.site_event import Call, Purchase, RefusedEvent, SiteEvent, Visitor
from flows.collect_feedback import collect_closed
from flows.erase_recipient import erase_recipient, export_recipient
from runtime.clock import now
from runtime.house import House, open_house
from runtime.services import embedded_redis
from runtime.settings import Settings
from storage.erasure import Erasure, tables_with_rules
from storage.schema import erasures, holdout_members, messages, metadata, webhook_posts
from storage.unfinished_erasures import Begun, begin
from tests.flows.eraser import STEPS
from tests.flows.traces import traces
from tests.storage.people import add

AT = datetime(2026, 10, 5, 9, tzinfo=UTC)
ADA, BOB = RecipientId("ada-4711"), RecipientId("bob-4712")
ADDRESS, OLD_ADDRESS, BOBS = "Ada.Lovelace@Example.org", "ada@old.example", "bob@example.org"
VISITOR = "visitor-c0ffee"
SEND = send_id_of(CampaignId("weekly"), AT)
HERO = PlacementId("weekly.hero")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A house with its stores under var/, the decision store's file included, in which Ada and Bob are everywhere."""
    settings = Settings(home=tmp_path, database_url="", write_keys="")
    server = embedded_redis(settings)
    server.start()
    house = open_house(settings)
    for fill in (_people, _send, _lake, _site, _files):
        fill(house)
    yield house
    house.decisions.close()
    house.database.dispose()
    server.stop()


def _people(house: House) -> None:
    for who, address in ((ADA, ADDRESS), (BOB, BOBS)):
        add(house.database, who, address=address, attributes='{"first_name": "Augusta"}')
        house.suppressions.add(address, SuppressionReason.UNSUBSCRIBED, AT)
        house.holdouts.record_members("salt", [who], AT)
        house.decisions.publish([(who, HERO, (VariantId("spring"),), SEND)], timedelta(days=8), now())
    house.holdouts.record_definition(CampaignId("weekly"), Holdout(share=0.1, salt="salt"), AT)


def _send(house: House) -> None:
    send = Send(SEND, CampaignId("weekly"), AT, AT, ContentVersion("v1"), None, 1, "folder", "http://127.0.0.1", "k1")
    house.sends.open(send, AT)
    house.sends.finish_shard(SEND, 0, "audience", {"admitted": 2}, AT)
    house.sends.set_status(SEND, SendStatus.FINISHED, None, AT, expected=None)
    with house.database.begin() as connection:
        for who, address in ((ADA, ADDRESS), (BOB, BOBS)):
            row = {"message_id": message_id_of(SEND, who), "send_id": SEND, "recipient_id": who, "shard": 0, "attempt": 1}
            refused = {"status": "rejected", "reason": f"550 <{address.lower()}>: no such user", "answered_at": AT}
            connection.execute(sa.insert(messages), row | refused)
    for who, address in ((ADA, ADDRESS), (BOB, BOBS)):
        bounce = f'{{"email": "{address}", "event": "bounce"}}'
        house.events.append([_mail(who, EventKind.BOUNCED, bounce), _mail(None, EventKind.UNKNOWN, bounce)])


def _mail(who: RecipientId | None, kind: EventKind, raw: str) -> ReceivedEvent:
    message = message_id_of(SEND, who) if who else MessageId("unheard-of")
    return ReceivedEvent(event_id_of("esp", f"{who}{raw}"), "esp", kind, who, message, None, AT, AT, raw, SEND)


def _lake(house: House) -> None:
    people = [(ADA, ADDRESS), (BOB, BOBS)]
    audience = {
        "recipient_id": [ADA, BOB],
        "bucket": [bucket_of(ADA), bucket_of(BOB)],
        "address": [OLD_ADDRESS, BOBS],
        "time_zone": ["Europe/London", "UTC"],
        "locale": ["en-GB", "en"],
        "attributes": ['{"first_name": "Augusta"}'] * 2,
    }
    frame = pd.DataFrame(audience).astype({"bucket": "int32"})
    house.lake.write("audience", frame, partition={"send_id": SEND}, name="shard-00000")
    decision = {"send_id": SEND, "placement": HERO, "position": 1, "variant": "spring", "category": "shoes", "source": "letterpress"}
    rows = [
        decision | {"decision_id": decision_id_of(SEND, who, HERO, 1), "recipient_id": who, "decided_at": AT, "received_at": AT}
        for who, _ in people
    ]
    house.lake.write("decisions", pd.DataFrame(rows).astype({"position": "int16"}), partition={"send_id": SEND}, name="shard-00000")
    house.lake.write(
        "features", pd.DataFrame({"recipient_id": [ADA, BOB], "age": [36.0, 40.0]}), partition={"send_id": SEND}, name="shard-00000"
    )
    alone = pd.DataFrame({"recipient_id": [ADA], "seen": [1.0]})
    house.lake.write("exposures_of_late", alone, name="one")


def _site(house: House) -> None:
    for who, anonymous, address in ((ADA, VISITOR, ADDRESS), (BOB, "visitor-b", BOBS)):
        line = Purchase(f"p-{who}", "tea", None, 1.0, 5.0, "EUR")
        calls = [
            (Call.PAGE, EventKind.PAGE_VIEWED, Visitor(anonymous=anonymous), ()),
            (Call.IDENTIFY, EventKind.UNKNOWN, Visitor(user=f"shop-{who}", anonymous=anonymous, address=address), ()),
            (Call.TRACK, EventKind.PURCHASED, Visitor(user=who), (line,)),
        ]
        given = [
            SiteEvent(event_id_of("shop", f"{who}{n}"), "shop", call, kind, visitor, AT, AT, f'{{"email": "{address}"}}', purchases=bought)
            for n, (call, kind, visitor, bought) in enumerate(calls)
        ]
        house.site_events.append(given, [RefusedEvent(f"x-{who}", "shop", "why", f'{{"email": "{address.lower()}"}}', AT)])
    collect_closed(house)


def _files(house: House) -> None:
    var = house.settings.var
    for who, address in ((ADA, ADDRESS), (BOB, BOBS)):
        letter = path_of(var / "mailbox", message_id_of(SEND, who))
        letter.parent.mkdir(parents=True, exist_ok=True)
        letter.write_text(f"To: {address}\n\nDear Augusta")
        (var / "mailbox" / "views").mkdir(exist_ok=True)
        (var / "mailbox" / "views" / f"{letter.stem}.html").write_text(f"<p>{address}</p>")
    (var / "mailbox" / "index.html").write_text(f"<p>{ADDRESS}</p><p>{BOBS}</p>")
    (var / "rejects").mkdir()
    rejects = f'row,line,reason,detail,raw\n1,2,duplicate,"the same mailbox","{ADA},{ADDRESS},x"\n2,3,duplicate,"{BOBS}","{BOB},{BOBS},x"\n'
    (var / "rejects" / "recipients-shop.csv").write_text(rejects)
    (var / "demo").mkdir()
    (var / "demo" / "recipients.csv.gz").write_bytes(gzip.compress(f"recipient_id;address\n{ADA};{ADDRESS}\n{BOB};{BOBS}\n".encode()))
    pq.write_table(pa.table({"recipient_id": [ADA, BOB, ADA], "n": [1, 2, 3]}), var / "demo" / "events.parquet")
    (var / "run").mkdir(exist_ok=True)
    (var / "run" / "web.log").write_text(f"started\nsomebody logged {ADDRESS.upper()}\nand {OLD_ADDRESS}\nended\n")


def everything_of_ada(house: House) -> list[str]:
    """Where she still stands under var/."""
    return traces(house.settings.var, ADA, ADDRESS, OLD_ADDRESS, VISITOR, "Europe/London")


def test_no_store_and_no_file_holds_them_afterwards(house: House) -> None:
    """After erasing, neither id nor any address they ever had stands anywhere under var/; free pages, logs and Parquet included."""
    assert len(everything_of_ada(house)) > 20
    erased = erase_recipient(house, ADA, do_not_mail=False, at=AT)
    assert erased.left == ()
    assert everything_of_ada(house) == []


def test_others_stay_as_they_were(house: House) -> None:
    """Erasing one person takes nothing from another."""
    before = export_recipient(house, BOB)
    erase_recipient(house, ADDRESS, do_not_mail=False, at=AT)
    assert export_recipient(house, BOB) == before
    var = house.settings.var
    assert "bob@example.org" in (var / "rejects" / "recipients-shop.csv").read_text()
    assert pq.read_table(var / "demo" / "events.parquet").num_rows == 1
    assert (var / "run" / "web.log").read_text() == "started\nended\n"


def test_counts_still_add_up(house: House) -> None:
    """The ledger, the holdout, the audience and the decisions have as many rows as before, of a tombstone."""
    erased = erase_recipient(house, ADA, do_not_mail=False, at=AT)
    with house.database.connect() as connection:
        for table in (messages, holdout_members):
            ids = set(connection.scalars(sa.select(table.c.recipient_id)))
            assert ids == {erased.tombstone, BOB}
    for name in ("audience", "decisions"):
        assert set(house.lake.read(name)["recipient_id"]) == {erased.tombstone, BOB}
    assert sum(house.ledger.counts(SEND).values()) == 2


def test_collecting_again_brings_nothing_back(house: House) -> None:
    """What the database gave up cannot come back into the lake."""
    erase_recipient(house, ADA, do_not_mail=False, at=AT)
    collect_closed(house, rebuild=True)
    assert everything_of_ada(house) == []
    assert set(house.lake.read("purchases")["recipient_id"]) == {BOB}


def test_who_had_unsubscribed_is_not_mailed_again(house: House) -> None:
    """The list knows the address when it comes back, and does not hold it."""
    assert erase_recipient(house, ADA, do_not_mail=False, at=AT).kept_suppressed
    assert house.suppressions.among([ADDRESS.upper(), "new@example.org"]) == {ADDRESS.lower()}


@pytest.mark.parametrize("do_not_mail", [True, False])
def test_others_may_come_back_unless_they_are_not_to(house: House, do_not_mail: bool) -> None:
    """Whoever was not suppressed may sign up again; `do_not_mail` says otherwise."""
    house.suppressions.remove(ADDRESS)
    erase_recipient(house, ADA, do_not_mail=do_not_mail, at=AT)
    assert bool(house.suppressions.among([ADDRESS])) is do_not_mail


def test_a_send_that_is_not_over_is_not_touched(house: House) -> None:
    """Whoever is in the audience of a running send cannot be erased yet; no other send takes them from then on."""
    house.sends.set_status(SEND, SendStatus.PAUSED, None, AT, expected=None)
    with pytest.raises(InputError, match="not over"):
        erase_recipient(house, ADA, do_not_mail=False, at=AT)
    known = house.recipients.get(ADA)
    assert known is not None
    assert not known.consent


def test_erasing_again_finds_nothing(house: House) -> None:
    """A second time there is nothing left to do, and no error."""
    erase_recipient(house, ADA, do_not_mail=False, at=AT)
    assert dict(erase_recipient(house, ADA, do_not_mail=False, at=AT).removed) == {}


@pytest.mark.parametrize("step", sorted(STEPS))
def test_killed_on_the_way(house: House, step: str) -> None:
    """Killed anywhere and begun again, erasing leaves nothing behind, addresses of old included, and one tombstone in every store."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.flows.eraser", str(house.settings.home), ADA, step]
    assert subprocess.run(command, cwd=root, check=False, capture_output=True).returncode == -signal.SIGKILL
    erased = erase_recipient(house, ADA, do_not_mail=False, at=AT)
    assert erased.left == ()
    assert everything_of_ada(house) == []
    with house.database.connect() as connection:
        stones = {str(one) for table in (messages, holdout_members) for one in connection.scalars(sa.select(table.c.recipient_id))}
        told = connection.scalars(sa.select(erasures.c.counts)).all()
    for name in ("audience", "decisions"):
        stones |= set(house.lake.read(name)["recipient_id"])
    assert len(stones - {BOB}) == 1
    assert not any("unfinished" in counts for counts in told)


def test_what_was_asked_for_first_is_kept_to(house: House) -> None:
    """Erased under `do_not_mail` and interrupted, the address stays refused though nobody says so again."""
    house.suppressions.remove(ADDRESS)
    person = Erasure(house.database).person(ADA)
    begin(house.database, Begun(person, "erased-1", do_not_mail=True), AT)
    assert erase_recipient(house, ADA, do_not_mail=False, at=AT).tombstone == "erased-1"
    assert house.suppressions.among([ADDRESS])


def test_export_hands_over_everything(house: House) -> None:
    """What is exported is what erasing finds: rows of every store, and their letters."""
    found = export_recipient(house, ADDRESS)
    assert {"recipients", "suppressions", "messages", "events", "site_events", "purchases", "identities", "holdout_members"} <= set(
        found["database"]
    )
    assert {"audience", "decisions", "features", "exposures_of_late", "purchases", "events"} <= set(found["lake"])
    assert len(found["decision_store"]) == 1
    assert len(found["letters"]) == 2
    assert BOB not in str(found)
    assert BOBS not in str(found)


def test_nobody_is_not_exported(house: House) -> None:
    """Somebody unknown is the user's mistake."""
    with pytest.raises(InputError, match="nothing is known"):
        export_recipient(house, "nobody@example.org")


def test_every_table_has_a_rule() -> None:
    """Whoever adds a table says what erasing does with it (`storage/erasure.py`)."""
    assert tables_with_rules() == set(metadata.tables)


def test_posts_that_nobody_read_yet_are_told(house: House) -> None:
    """A webhook that waits to be understood may name them: whoever erases is told to come again."""
    post = {"post_id": "p1", "account": "a", "provider": "postmark", "headers": "{}", "size": 9, "received_at": AT}
    with house.database.begin() as connection:
        connection.execute(sa.insert(webhook_posts), post | {"body": f'{{"Email": "{ADDRESS}"}}'.encode()})
    [left] = erase_recipient(house, ADA, do_not_mail=False, at=AT).left
    assert "wait to be understood" in left
