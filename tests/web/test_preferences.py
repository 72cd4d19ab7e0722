"""People say which letters they want: less than all, none for a while, or none at all."""

from datetime import datetime, timedelta

import orjson
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.event import EventKind, ReceivedEvent
from domain.ids import CampaignId, ContentVersion, MessageId, RecipientId, SendId, message_id_of, send_id_of
from domain.ledger import ClaimRequest
from domain.message import Exclusion, MessageStatus
from domain.preference import Preferences
from domain.send import Send
from storage.events import Events
from storage.ledger import SqlLedger
from storage.sends import Sends
from tests.web.serving import AT, SEND, SIGNER, Gone, Served, message

LEAVE = SIGNER.sign_unsubscribe(message())
PAGE = f"/u/{LEAVE}"
FORM = {"content-type": "application/x-www-form-urlencoded"}
SHOES = CampaignId("shoes")
ONE_CLICK = "List-Unsubscribe=One-Click"


def stored(parts: Served) -> list[ReceivedEvent]:
    """The events in the database, without looks at the page."""
    found = Events(parts.database).between(AT - timedelta(days=1), AT + timedelta(days=200))
    return [event for event in found if event.kind is not EventKind.CLICKED]


def held(parts: Served) -> Preferences:
    """What holds for r1."""
    found: Preferences = parts.preferences.of(RecipientId("r1"), parts.clock())
    return found


def a_send_about(parts: Served, topic: str | None, day: int = 1) -> SendId:
    """Another campaign's send about a topic."""
    at = AT + timedelta(days=day)
    send = Send(send_id_of(SHOES, at), SHOES, at, at, ContentVersion("v1"), None, 1, "folder", "http://127.0.0.1", "k1", topic=topic)
    return Sends(parts.database).open(send, AT).send_id


def claimed(parts: Served, send: SendId, at: datetime) -> dict[str, tuple[MessageStatus, str | None]]:
    """What a claim of the letters of r1 and r2 in a send comes to."""
    people = [RecipientId("r1"), RecipientId("r2")]
    requests = [ClaimRequest(message_id_of(send, who), send, who, 0, f"{who}@EXAMPLE.org", "p", "b") for who in people]
    ledger = SqlLedger(parts.database)

    def calls(won: frozenset[MessageId]) -> dict[MessageId, str]:
        return dict.fromkeys(won, "call")

    ledger.claim(requests, run_id="run-2", esp="folder", calls=calls, at=at)
    entries = {str(who): ledger.entry(send, who) for who in people}
    return {who: (entry.status, entry.reason) for who, entry in entries.items() if entry}


OUT = (MessageStatus.SENDING, None)


def test_the_page_offers_topics_pauses_and_leaving(client: TestClient, parts: Served) -> None:
    """One button each, posting to the page's own address; nothing about the recipient, and looking changes nothing."""
    a_send_about(parts, "shoes & <socks>")
    answer = client.get(PAGE)
    for wish in ("all", "stop-topic", "pause-30", "pause-90", "topics"):
        assert f'name="wish" value="{wish}"' in answer.text
    assert "shoes &amp; &lt;socks&gt;" in answer.text and "<socks>" not in answer.text
    assert "r1" not in answer.text.lower() and "set-cookie" not in answer.headers
    assert (held(parts), stored(parts)) == (Preferences(), [])


def test_a_topic_that_is_not_wanted_is_claimed_no_more(client: TestClient, parts: Served) -> None:
    """From the next claim on, for this topic and this reader alone; it counts as an unsubscription of the letter's send."""
    assert "No letters about news" in client.post(PAGE, content="wish=stop-topic", headers=FORM).text
    (event,) = stored(parts)
    assert (event.kind, event.send_id, orjson.loads(event.raw)["stop"]) == (EventKind.UNSUBSCRIBED, SEND, ["news"])
    out = (MessageStatus.EXCLUDED, Exclusion.OPTED_OUT.value)
    assert claimed(parts, a_send_about(parts, "news", 1), AT) == {"r1": out, "r2": OUT}
    assert claimed(parts, a_send_about(parts, "shoes", 2), AT) == {"r1": OUT, "r2": OUT}
    assert claimed(parts, a_send_about(parts, None, 3), AT) == {"r1": OUT, "r2": OUT}
    assert parts.suppressions.count() == 0


@pytest.mark.parametrize("days", [30, 90])
def test_a_pause_ends_by_itself(client: TestClient, parts: Served, days: int) -> None:
    """Until then no letter is claimed, whatever it is about; from then on all are."""
    assert "No letters until" in client.post(PAGE, content=f"wish=pause-{days}", headers=FORM).text
    until = AT + timedelta(days=days)
    assert held(parts).paused_until == until
    out = (MessageStatus.EXCLUDED, Exclusion.PAUSED.value)
    assert claimed(parts, a_send_about(parts, "shoes", 1), until - timedelta(seconds=1)) == {"r1": out, "r2": OUT}
    assert claimed(parts, a_send_about(parts, "shoes", 2), until) == {"r1": OUT, "r2": OUT}
    assert stored(parts)[0].kind is EventKind.PREFERRED


def test_a_pause_can_be_ended(client: TestClient, parts: Served) -> None:
    """The page then offers that instead of another pause."""
    client.post(PAGE, content="wish=pause-30", headers=FORM)
    page = client.get(PAGE).text
    assert "Paused until 23 December 2026" in page and "pause-30" not in page
    assert "You get all letters again" in client.post(PAGE, content="wish=resume", headers=FORM).text
    assert held(parts) == Preferences()


def test_boxes_say_which_topics_are_wanted(client: TestClient, parts: Served) -> None:
    """An empty box ends a topic, a ticked one takes it up again; boxes that were not there and topics that nobody knows say nothing."""
    a_send_about(parts, "shoes")
    client.post(PAGE, content="wish=topics&shown=news&shown=shoes&shown=made-up&topic=news", headers=FORM)
    assert held(parts).without == {"shoes"}
    page = client.get(PAGE).text
    assert 'value="news" checked>' in page and 'value="shoes">' in page
    client.post(PAGE, content="wish=topics&shown=shoes&topic=shoes", headers=FORM)
    assert held(parts).without == frozenset()


@pytest.mark.parametrize("body", ["wish=all", "wish=never-heard-of", "", ONE_CLICK, f"{ONE_CLICK}&wish=pause-30"])
def test_what_does_not_ask_for_less_unsubscribes(client: TestClient, parts: Served, body: str) -> None:
    """One click comes first, and so does whoever asks for something we do not know."""
    assert "You are unsubscribed" in client.post(PAGE, content=body, headers=FORM).text
    assert held(parts).suppressed
    out = (MessageStatus.EXCLUDED, Exclusion.SUPPRESSED.value)
    assert claimed(parts, a_send_about(parts, "shoes"), AT) == {"r1": out, "r2": OUT}
    assert "<form" not in client.get(PAGE).text


def test_wish_and_event_are_there_together_or_not_at_all(client: TestClient, parts: Served) -> None:
    """An unsubscription whose suppression fails leaves no event, and the next attempt does both."""
    _rename(parts, "suppressions", "away")
    with pytest.raises(sa.exc.DBAPIError):
        client.post(PAGE)
    _rename(parts, "away", "suppressions")
    assert (stored(parts), parts.suppressions.count()) == ([], 0)
    assert client.post(PAGE).status_code == 200
    assert (len(stored(parts)), parts.suppressions.count()) == (1, 1)


def _rename(parts: Served, before: str, after: str) -> None:
    with parts.database.begin() as connection:
        connection.execute(sa.text(f"ALTER TABLE {before} RENAME TO {after}"))


def test_the_page_never_goes_without_its_first_button(client: TestClient, parts: Served) -> None:
    """While preferences and contents cannot be looked up, one can still unsubscribe."""
    parts.preferences = Gone()
    page = client.get(PAGE)
    assert page.status_code == 200 and 'value="all"' in page.text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.one_of(st.binary(max_size=300), st.text(alphabet="wish=pausetoc-3&0%FE+;", max_size=60).map(str.encode)))
def test_no_form_is_an_error(client: TestClient, body: bytes) -> None:
    """Whatever is posted gets a page."""
    assert client.post(PAGE, content=body, headers=FORM).status_code == 200
