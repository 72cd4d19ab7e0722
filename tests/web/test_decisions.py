"""Decisions for the web: the published one, and the default in every other case."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.ids import RecipientId, decision_id_of
from storage.decision_store import DecisionStore
from tests.web.serving import AT, HERO, SEND, Gone, Served
from web.app import create_app

KEY = "a-secret-of-the-shops-server"
DEFAULT = [{"position": 1, "variant": "plain", "decision_id": None}]


@pytest.fixture
def client(parts: Served) -> Iterator[TestClient]:
    """A server that has a key."""
    parts.placements.servers = {KEY: "shop"}
    with TestClient(create_app(parts), base_url="http://127.0.0.1:8085", headers={"authorization": f"Bearer {KEY}"}) as client:
        yield client


def asking(parts: Served) -> TestClient:
    """Another process, asked from its own machine."""
    return TestClient(create_app(parts), client=("127.0.0.1", 1), base_url="http://127.0.0.1:8085")


def test_ids_alone_open_nothing(parts: Served) -> None:
    """Whoever has neither a key nor this machine is refused, by whatever way they come: ids can be guessed."""
    url = f"/v1/decisions/{HERO}?recipient=r1"
    assert TestClient(create_app(parts)).get(url).status_code == 401
    assert TestClient(create_app(parts)).get(url, headers={"authorization": "Bearer nobodys"}).status_code == 401
    assert asking(parts).get(url).status_code == 200
    assert asking(parts).get(url, headers={"x-forwarded-for": "93.184.216.34"}).status_code == 401


def test_a_published_decision_is_served_with_its_ids(client: TestClient) -> None:
    """Each position names the decision that later events refer to."""
    answer = client.get(f"/v1/decisions/{HERO}", params={"recipient": "r1"})
    assert answer.json() == {
        "placement": HERO,
        "recipient": "r1",
        "is_default": False,
        "shown": [{"position": 1, "variant": "spring", "decision_id": decision_id_of(SEND, RecipientId("r1"), HERO, 1)}],
        "send_id": SEND,
        "expires_at": "2026-11-24T09:00:00Z",
    }


def test_nobodys_decision_is_the_default(client: TestClient) -> None:
    """A recipient without a decision gets the default variant and is told so."""
    answer = client.get(f"/v1/decisions/{HERO}", params={"recipient": "stranger"}).json()
    assert (answer["is_default"], answer["shown"], answer["send_id"]) == (True, DEFAULT, None)


def test_a_stale_decision_is_the_default(client: TestClient, parts: Served) -> None:
    """After its expiry a decision is no longer served."""
    parts.clock.now = AT + timedelta(days=1)
    assert client.get(f"/v1/decisions/{HERO}", params={"recipient": "r1"}).json()["shown"] == DEFAULT


def test_without_redis_the_default_is_served(parts: Served) -> None:
    """A decision store that is away costs personalisation, not the answer."""
    parts.decisions = DecisionStore("redis://127.0.0.1:1")
    answer = asking(parts).get(f"/v1/decisions/{HERO}", params={"recipient": "r1"})
    assert (answer.status_code, answer.json()["shown"]) == (200, DEFAULT)


def test_without_the_database_the_known_defaults_hold(client: TestClient, parts: Served) -> None:
    """Defaults that were read once outlive the database; a process that never read any says 503."""
    assert client.get(f"/v1/decisions/{HERO}", params={"recipient": "r2"}).status_code == 200
    parts.sends, parts.clock.now = Gone(), AT + timedelta(minutes=5)
    fresh = asking(parts)
    assert fresh.get(f"/v1/decisions/{HERO}", params={"recipient": "r2"}).status_code == 503


def test_a_placement_nobody_knows_is_not_found(client: TestClient) -> None:
    """404 and not a default: a misspelt placement should be noticed."""
    assert client.get("/v1/decisions/weekly.herro", params={"recipient": "r1"}).status_code == 404


def test_a_recipient_is_required(client: TestClient) -> None:
    """The answer says which parameter is wrong, without repeating it."""
    assert client.get(f"/v1/decisions/{HERO}").json() == {"detail": ["query.recipient: Field required"]}
    assert client.get(f"/v1/decisions/{HERO}", params={"recipient": "x" * 300}).status_code == 422


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(st.text(max_size=50), st.text(max_size=300))
def test_garbage_never_breaks_it(client: TestClient, placement: str, recipient: str) -> None:
    """Whatever is asked for, the answer is no server error."""
    path = "".join(f"%{byte:02x}" for byte in placement.encode("utf-8", "surrogatepass"))
    query = "".join(f"%{byte:02x}" for byte in recipient.encode("utf-8", "surrogatepass"))
    for where in (path, HERO):
        assert client.get(f"/v1/decisions/{where}?recipient={query}").status_code < 500
