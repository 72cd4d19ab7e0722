"""The links of letters: followed, counted, and never a dead end for the reader."""

import logging
from datetime import timedelta

import orjson
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from domain.event import EventKind, ReceivedEvent
from domain.ids import RecipientId, decision_id_of
from storage.events import Events
from tests.web.serving import AT, DYNAMIC, FRAME, HERO, SCRIPT, SEND, SIGNER, STATIC, Gone, Served, message
from web.app import create_app

CLICK = SIGNER.sign_click(message(), STATIC, 1)
LEAVE = SIGNER.sign_unsubscribe(message())
BROWSER = {"user-agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"}


def stored(parts: Served) -> list[ReceivedEvent]:
    """The events in the database."""
    return list(Events(parts.database).between(AT - timedelta(days=1), AT + timedelta(days=1)))


def test_a_click_is_stored_and_leads_on(client: TestClient, parts: Served) -> None:
    """302 to the link's own address; the event names recipient, message and decision."""
    answer = client.get(f"/c/{CLICK}", headers=BROWSER)
    assert answer.status_code == 302
    assert answer.headers["location"] == "https://shop.example/s%C3%B6le?a=1&b=%20#top"
    (event,) = stored(parts)
    assert (event.kind, event.recipient_id, event.message_id, event.occurred_at) == (EventKind.CLICKED, "r1", message(), AT)
    assert event.decision_id == decision_id_of(SEND, RecipientId("r1"), HERO, 1)
    raw = orjson.loads(event.raw)
    assert (raw["link_id"], raw["placement"], raw["position"], raw["user_agent"]) == (STATIC, HERO, 1, BROWSER["user-agent"])


def test_a_recipients_own_address_comes_from_the_token(client: TestClient, parts: Served) -> None:
    """A dynamic link leads where the letter said, and still names its decision."""
    answer = client.get(f"/c/{SIGNER.sign_click(message(), DYNAMIC, 2, 'https://shop.example/Oslo')}")
    assert answer.headers["location"] == "https://shop.example/Oslo"
    assert stored(parts)[0].decision_id == decision_id_of(SEND, RecipientId("r1"), HERO, 2)


def test_a_link_of_the_frame_has_no_decision(client: TestClient, parts: Served) -> None:
    """The logo is clicked too, but nothing was decided about it."""
    assert client.get(f"/c/{SIGNER.sign_click(message(), FRAME, 0)}").status_code == 302
    assert stored(parts)[0].decision_id is None


def test_a_double_request_is_one_click(client: TestClient, parts: Served) -> None:
    """Within a second the same link counts once; a later visit, another link or another reader counts again."""
    for _ in range(2):
        client.get(f"/c/{CLICK}")
    assert len(stored(parts)) == 1
    parts.clock.now = AT + timedelta(seconds=1)
    client.get(f"/c/{CLICK}")
    client.get(f"/c/{SIGNER.sign_click(message(), FRAME, 0)}")
    client.get(f"/c/{SIGNER.sign_click(message('r2'), STATIC, 1)}")
    assert len(stored(parts)) == 4


def test_a_head_request_is_no_click(client: TestClient, parts: Served) -> None:
    """Scanners that only ask for the head are sent on and not counted."""
    assert client.head(f"/c/{CLICK}").status_code == 302
    assert stored(parts) == []


def test_links_signed_with_an_older_key_still_work(client: TestClient) -> None:
    """Changing the key leaves letters that are out intact."""
    assert client.get(f"/c/{SIGNER.with_key('k0').sign_click(message(), STATIC, 1)}").status_code == 302


def test_a_click_that_cannot_be_stored_leads_on_all_the_same(parts: Served, caplog: pytest.LogCaptureFixture) -> None:
    """The reader is redirected; the loss is counted and logged, without saying who it was."""
    parts.events = Gone()
    client = TestClient(create_app(parts), follow_redirects=False)
    with caplog.at_level(logging.WARNING):
        assert client.get(f"/c/{CLICK}").status_code == 302
    assert client.get("/readyz").json()["events_lost"] == 1
    assert "an event was not stored: UnavailableError" in caplog.text
    assert "r1" not in caplog.text
    assert CLICK not in caplog.text


def test_without_the_database_a_remembered_link_leads_on(client: TestClient, parts: Served) -> None:
    """A link whose content is at hand works while the database is away; one that nobody remembers asks for patience."""
    client.get(f"/c/{CLICK}")
    parts.messages = Gone()
    assert client.get(f"/c/{SIGNER.sign_click(message('r2'), STATIC, 1)}").status_code == 302
    answer = TestClient(create_app(parts)).get(f"/c/{CLICK}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    "token",
    [
        "x",
        CLICK[:-1],
        CLICK[:-1] + ("A" if CLICK[-1] != "A" else "B"),
        LEAVE,
        SIGNER.sign_click(message(), SCRIPT, 0),
        SIGNER.sign_click(message(), DYNAMIC, 1, "javascript:alert(1)"),
        SIGNER.sign_click(message(), DYNAMIC, 1, "//evil.example"),
        SIGNER.sign_click(message(), DYNAMIC, 1, "https://shop.example/\r\nSet-Cookie: a=b"),
        SIGNER.sign_click(message(), DYNAMIC, 1),
        SIGNER.sign_click(message(), "ffffffff", 1),
        SIGNER.sign_click(message("stranger"), STATIC, 1),
    ],
)
def test_what_was_not_made_here_leads_nowhere(client: TestClient, parts: Served, token: str) -> None:
    """Forged and damaged tokens, foreign links and scripts get a small page with 404, and no redirect."""
    answer = client.get(f"/c/{token}")
    assert answer.status_code == 404
    assert "This link does not work" in answer.text
    assert "location" not in answer.headers
    assert not [event for event in stored(parts) if event.kind is not EventKind.CLICKED]


def test_looking_at_the_unsubscribe_page_changes_nothing(client: TestClient, parts: Served) -> None:
    """GET shows a button and the sender's name, escaped; scanners that follow links unsubscribe nobody."""
    answer = client.get(f"/u/{LEAVE}")
    assert answer.status_code == 200
    assert "Söle &amp; Søn will send no more letters" in answer.text
    assert '<form method="post">' in answer.text
    assert "r1" not in answer.text.lower()
    assert parts.suppressions.count() == 0
    (look,) = stored(parts)
    assert (look.kind, look.decision_id, orjson.loads(look.raw)["link_id"]) == (EventKind.CLICKED, None, "unsubscribe")


@pytest.mark.parametrize(("body", "one_click"), [("List-Unsubscribe=One-Click", True), ("from=page", False), ("", False)])
def test_one_post_unsubscribes(client: TestClient, parts: Served, body: str, one_click: bool) -> None:
    """RFC 8058: one POST, no cookie, no redirect; the address is suppressed and the event stored."""
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = client.post(f"/u/{LEAVE}", content=body, headers=headers)
    assert (answer.status_code, answer.headers.get("set-cookie"), answer.history) == (200, None, [])
    assert "You are unsubscribed" in answer.text
    assert parts.suppressions.among(["r1@example.org", "r2@example.org"]) == {"r1@example.org"}
    (event,) = stored(parts)
    assert (event.kind, event.recipient_id, event.message_id) == (EventKind.UNSUBSCRIBED, "r1", message())
    assert orjson.loads(event.raw)["one_click"] is one_click


def test_a_multipart_one_click_works_too(client: TestClient, parts: Served) -> None:
    """RFC 8058 lets providers send the form as multipart."""
    assert client.post(f"/u/{LEAVE}", files={"List-Unsubscribe": (None, "One-Click")}).status_code == 200
    assert parts.suppressions.count() == 1


def test_unsubscribing_twice_is_unsubscribing(client: TestClient, parts: Served) -> None:
    """Again changes nothing and says the same."""
    for _ in range(2):
        assert client.post(f"/u/{LEAVE}").status_code == 200
    assert (parts.suppressions.count(), len(stored(parts))) == (1, 1)


def test_a_failed_unsubscription_does_not_claim_success(client: TestClient, parts: Served) -> None:
    """503 asks the provider to repeat it; the repetition finishes what was begun."""
    working, parts.preferences = parts.preferences, Gone()
    answer = client.post(f"/u/{LEAVE}")
    assert (answer.status_code, "unsubscribed" in answer.text) == (503, False)
    parts.preferences = working
    assert client.post(f"/u/{LEAVE}").status_code == 200
    assert (parts.suppressions.count(), len(stored(parts))) == (1, 1)


@pytest.mark.parametrize("token", ["x", CLICK, SIGNER.sign_unsubscribe(message("stranger"))])
def test_a_forged_unsubscription_is_not_found(client: TestClient, parts: Served, token: str) -> None:
    """Neither page nor POST takes what was not signed for this."""
    assert client.get(f"/u/{token}").status_code == 404
    assert client.post(f"/u/{token}").status_code == 404
    assert parts.suppressions.count() == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.one_of(st.text(max_size=80), st.binary(max_size=80).map(lambda data: data.decode("latin-1"))))
@example(CLICK + "\x00")
@example("a" * 5_000)
@example("..")
def test_garbage_is_never_a_server_error(client: TestClient, token: str) -> None:
    """Whatever stands where a token should, the answer is a 4xx."""
    path = "".join(f"%{byte:02x}" for byte in token.encode("utf-8", "surrogatepass"))
    for answer in (client.get(f"/c/{path}"), client.get(f"/u/{path}"), client.post(f"/u/{path}"), client.head(f"/c/{path}")):
        assert 400 <= answer.status_code < 500


def seen_from(parts: Served, address: str, *, agent: str = "A") -> str | None:
    """The network that is kept of a click from this address."""
    with TestClient(create_app(parts), follow_redirects=False, client=(address, 1)) as client:
        client.get(f"/c/{CLICK}", headers={"user-agent": agent})
    network = orjson.loads(max(stored(parts), key=lambda event: (event.received_at, event.raw)).raw)["network"]
    assert network is None or isinstance(network, str)
    return network


def test_the_network_is_kept_veiled_and_for_a_day(parts: Served) -> None:
    """One /24 is one network today and another word tomorrow; neither it nor the address can be read. No network of ours is kept."""
    first = seen_from(parts, "9.9.9.9")
    parts.clock.now = AT + timedelta(minutes=1)
    assert seen_from(parts, "9.9.9.200") == first
    parts.clock.now = AT + timedelta(minutes=2)
    other = seen_from(parts, "9.9.8.9")
    parts.clock.now = AT + timedelta(days=1, minutes=-5)
    tomorrow = seen_from(parts, "9.9.9.9")
    assert first and len({first, other, tomorrow}) == 3
    assert not any("9.9" in event.raw for event in stored(parts))
    parts.clock.now = AT + timedelta(minutes=3)
    [event] = [one for one in stored(parts) if one.received_at == AT]
    assert event.send_id == SEND


def test_a_proxy_of_our_own_is_no_network(parts: Served) -> None:
    """What comes from loopback or a private network says nothing about who asks."""
    assert seen_from(parts, "10.1.2.3") is None


def test_a_scanners_check_at_the_moment_of_a_click_is_another_visit(client: TestClient, parts: Served) -> None:
    """Within one second the same link by two agents is two events, so that neither hides the other."""
    for agent in ("Mozilla/4.0 (ms-office)", "Firefox"):
        client.get(f"/c/{CLICK}", headers={"user-agent": agent})
    assert len(stored(parts)) == 2
