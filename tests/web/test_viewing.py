"""A letter in a browser is the letter that was sent, or nothing."""

import subprocess
import sys
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pytest
from fastapi.testclient import TestClient

from delivery.compile import compile_campaign
from delivery.compose import Composer
from delivery.links import Signer
from delivery.own_links import OPEN, VIEW
from domain.content import Content
from domain.event import EventKind, ReceivedEvent
from domain.ids import MessageId, PlacementId, RecipientId, VariantId
from domain.ledger import ClaimRequest
from domain.message import Letter
from domain.recipient import Recipient
from domain.send import Send
from flows.run_stage import shard_name
from storage.contents import Contents
from storage.events import Events
from storage.frozen_letters import FrozenLetters
from storage.lake import Lake
from storage.ledger import SqlLedger
from storage.sends import Sends
from tests.delivery.campaigns import AT as PRINTED_AT
from tests.delivery.campaigns import KEYS, LETTER, send_of, write
from tests.web.serving import AT, Gone, Served
from web.app import create_app

SHARD = 3
FRAME = LETTER.replace(
    '<a href="{{ unsubscribe_url }}">',
    '<a href="{{ view_url }}">View in browser</a><img src="{{ open_url }}" alt=""><a href="{{ unsubscribe_url }}">',
)
ADA = Recipient(RecipientId("ada"), "Ada@example.org", "Europe/Oslo", "nb", True, PRINTED_AT, {"first_name": "Ada <3", "age": 36.0})
CHOSEN = {PlacementId("news.hero"): (VariantId("second"),), PlacementId("news.story"): (VariantId("two"), VariantId("three"))}


@pytest.fixture
def content(tmp_path: Path) -> Content:
    """A campaign whose frame has all links of ours."""
    return compile_campaign(write(tmp_path / "templates", letter_DOT_mjml=FRAME))


@pytest.fixture
def letter(parts: Served, content: Content, lake: Lake, tmp_path: Path) -> Letter:
    """Ada's letter, printed and claimed as flows do it; of Bo there is nothing but his row."""
    send = send_of(content)
    Contents(parts.database).save(content, PRINTED_AT)
    Sends(parts.database).open(send, PRINTED_AT)
    printed = Composer(content, send, Signer(KEYS)).compose(ADA, CHOSEN)
    _freeze(lake, send)
    request = ClaimRequest(printed.message_id, send.send_id, ADA.recipient_id, SHARD, ADA.address, printed.payload_hash, printed.body_hash)
    SqlLedger(parts.database).claim([request], run_id="r", esp="folder", calls=lambda won: dict.fromkeys(won, "c"), at=PRINTED_AT)
    parts.signer, parts.letters = Signer(KEYS), FrozenLetters(str(tmp_path / "lake"))
    return printed


def _freeze(lake: Lake, send: Send) -> None:
    partition: dict[str, Any] = {"partition": {"send_id": send.send_id}, "name": shard_name(SHARD)}
    attributes = orjson.dumps(ADA.attributes).decode()
    row = {"bucket": 1, "time_zone": ADA.time_zone, "locale": ADA.locale, "created_at": ADA.created_at, "attributes": attributes}
    people = [{"recipient_id": who, "address": address} | row for who, address in (("ada", ADA.address), ("bo", "bo@example.org"))]
    lake.write("audience", pd.DataFrame(people), **partition)
    decided = {
        "send_id": send.send_id,
        "recipient_id": "ada",
        "category": "news",
        "decided_at": AT,
        "received_at": AT,
        "source": "letterpress",
    }
    placed = [(place, number, variant) for place, variants in CHOSEN.items() for number, variant in reversed(list(enumerate(variants, 1)))]
    rows = [decided | {"decision_id": f"d{place}{n}", "placement": place, "position": n, "variant": one} for place, n, one in placed]
    lake.write("decisions", pd.DataFrame(rows).astype({"position": "int16"}), **partition)


def token(letter: Letter, link_id: str) -> str:
    """The token of one of its own links."""
    return Signer(KEYS).sign_click(letter.message_id, link_id, 0)


def html_of(letter: Letter) -> str:
    """What a mail program shows."""
    part = message_from_bytes(letter.mime, policy=default).get_body(("html",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def opens(parts: Served) -> list[ReceivedEvent]:
    """The events in the database."""
    return list(Events(parts.database).between(AT - timedelta(days=1), AT + timedelta(days=1)))


def test_the_letter_carries_its_links(letter: Letter) -> None:
    """Signed for this message, in both its parts, and not as clicks to be counted."""
    html, text = html_of(letter), letter.mime.replace(b"=\r\n", b"").decode()
    assert f'href="https://links.shop.example/v/{token(letter, VIEW)}"' in html
    assert f'src="https://links.shop.example/o/{token(letter, OPEN)}"' in html
    assert f"/v/{token(letter, VIEW)}" in text.partition("text/html")[0]


def test_the_page_is_the_letter(client: TestClient, parts: Served, letter: Letter) -> None:
    """To the character, with a policy that lets no script run; and it counts as opened."""
    answer = client.get(f"/v/{token(letter, VIEW)}")
    assert answer.status_code == 200
    assert answer.text == html_of(letter)
    assert "Ada &lt;3" in answer.text and "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store" and answer.headers["referrer-policy"] == "no-referrer"
    (event,) = opens(parts)
    assert (event.kind, event.message_id, event.recipient_id) == (EventKind.OPENED, letter.message_id, "ada")


def test_the_picture_is_empty_and_counts(client: TestClient, parts: Served, letter: Letter) -> None:
    """A GIF of one transparent dot; HEAD counts nothing."""
    client.head(f"/o/{token(letter, OPEN)}")
    assert opens(parts) == []
    answer = client.get(f"/o/{token(letter, OPEN)}", headers={"user-agent": "Mozilla/5.0"})
    assert (answer.headers["content-type"], answer.content[:6]) == ("image/gif", b"GIF89a")
    (event,) = opens(parts)
    assert (event.kind, orjson.loads(event.raw)["user_agent"]) == (EventKind.OPENED, "Mozilla/5.0")


def test_a_letter_that_would_not_be_the_same_is_not_shown(client: TestClient, parts: Served, letter: Letter, lake: Lake) -> None:
    """Other data, or data that was erased, make no letter: the page says that the link does not work."""
    folder = {"send_id": send_of_message(parts, letter)}
    frame = lake.read("audience", folder)
    for changed in (frame.assign(attributes='{"first_name": "Ida"}'), frame[frame["recipient_id"] != "ada"]):
        lake.write("audience", changed, partition=folder, name=shard_name(SHARD))
        answer = client.get(f"/v/{token(letter, VIEW)}")
        assert answer.status_code == 404 and "This link does not work" in answer.text
    assert opens(parts) == []


def send_of_message(parts: Served, letter: Letter) -> str:
    """The send's id."""
    entry = parts.messages.message(letter.message_id)
    return str(entry.send_id)


@pytest.mark.parametrize("path", ["v", "o"])
def test_tokens_for_something_else_open_nothing(client: TestClient, letter: Letter, path: str) -> None:
    """A view is no picture, a click neither, and an unsubscription least of all."""
    wrong = OPEN if path == "v" else VIEW
    signer = Signer(KEYS)
    stranger = signer.sign_click(MessageId("0" * 32), VIEW if path == "v" else OPEN, 0)
    for other in (token(letter, wrong), token(letter, "0000000a"), signer.sign_unsubscribe(letter.message_id), stranger, "x"):
        assert client.get(f"/{path}/{other}").status_code == 404
    assert client.get(f"/c/{token(letter, VIEW)}").status_code == 404


def test_while_the_lake_is_away_the_page_asks_for_patience(parts: Served, letter: Letter) -> None:
    """503, and not a word of where it is."""
    parts.letters = Gone()
    answer = TestClient(create_app(parts)).get(f"/v/{token(letter, VIEW)}")
    assert (answer.status_code, "secret" in answer.text) == (503, False)


def test_the_process_stays_without_pandas(letter: Letter, tmp_path: Path) -> None:
    """Reading what a letter was printed from brings in no frames, not even behind our back."""
    code = (
        "import sys; from storage.frozen_letters import FrozenLetters; import web.app, runtime.serving; "
        f"print(FrozenLetters({str(tmp_path / 'lake')!r}).of({letter.send_id!r}, {SHARD}, 'ada').recipient.locale, 'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "nb False\n"
