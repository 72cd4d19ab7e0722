"""`POST /v1/events`: write keys, sizes, and what the answer promises."""

import base64
import gzip
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from storage.schema import events, set_aside
from tests.web.serving import Gone, Served
from web.app import create_app
from web.events import BATCHES, CALLS, MOST_BATCH

PAGE = {"type": "page", "userId": "r1", "messageId": "m1", "properties": {"path": "/"}}


def post(client: TestClient, document: object, *, path: str = "/v1/events", key: str | None = "a-key-of-the-shop", **head: str) -> Any:
    """Post a document with a write key."""
    authorised = {"authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()} if key else {}
    content = document if isinstance(document, bytes) else orjson.dumps(document)
    return client.post(path, content=content, headers={"content-type": "application/json", **authorised, **head})


def stored(parts: Served) -> list[Any]:
    """The site's events in the database."""
    with parts.database.connect() as connection:
        return list(connection.execute(sa.select(events).where(events.c.source != "letterpress.web")))


def test_an_event_is_stored_before_the_answer(client: TestClient, parts: Served) -> None:
    """What was answered with 200 is in the database, as its recipient's, with its payload as it came."""
    answer = post(client, PAGE)
    assert (answer.status_code, answer.json()) == (200, {"success": True, "stored": 1, "known_before": 0, "refused": []})
    [event] = stored(parts)
    assert (event.source, event.kind, event.recipient_id, orjson.loads(event.raw)) == ("shop", "page_viewed", "r1", PAGE)


def test_repeating_stores_nothing(client: TestClient, parts: Served) -> None:
    """A client that got no answer posts again, perhaps with the source's next key."""
    post(client, PAGE)
    assert post(client, PAGE, key="its-next-key").json()["known_before"] == 1
    assert len(stored(parts)) == 1


@pytest.mark.parametrize("path", [*BATCHES, *CALLS])
def test_every_path_of_the_clients_takes_events(client: TestClient, path: str) -> None:
    """Whichever path a client of Segment or RudderStack posts to, its call is taken."""
    document = {"userId": "r1", "event": "Product Viewed", "previousId": "r0"}
    answer = post(client, document if path in CALLS else {"batch": [document | {"type": "track"}]}, path=path)
    assert answer.json()["stored"] == 1, answer.text


@pytest.mark.parametrize("key", [None, "", "wrong", "a-key-of-the-sho", "a-key-of-the-shop "])
def test_without_a_write_key_nothing_is_taken(client: TestClient, parts: Served, key: str | None) -> None:
    """A request without a valid write key is answered with 401."""
    assert post(client, PAGE, key=key).status_code == 401
    assert stored(parts) == []


def test_no_write_keys_no_events(parts: Served) -> None:
    """Where no keys are set up, no key is right; least of all the empty one."""
    parts.write_keys = {}
    with TestClient(create_app(parts)) as client:
        assert post(client, PAGE, key="").status_code == post(client, PAGE).status_code == 401


def test_the_key_may_stand_in_the_body_or_query(client: TestClient, parts: Served) -> None:
    """Browsers that cannot set headers send it along; it is not kept with the event."""
    assert post(client, PAGE | {"writeKey": "a-key-of-the-app"}, key=None).status_code == 200
    beacon = post(client, {"batch": [PAGE | {"messageId": "m2"}]}, path="/beacon/v1/batch?writeKey=a-key-of-the-app", key=None)
    assert beacon.json()["stored"] == 1
    assert {event.source for event in stored(parts)} == {"app"}
    assert all("a-key" not in event.raw for event in stored(parts))


def test_gzip_is_understood(client: TestClient) -> None:
    """Clients may pack what they send."""
    answer = post(client, gzip.compress(orjson.dumps({"batch": [PAGE]})), **{"content-encoding": "gzip"})
    assert answer.json()["stored"] == 1


@pytest.mark.parametrize(
    ("body", "head", "status"),
    [
        (b"{", {}, 400),
        (b"", {}, 400),
        (b"no gzip", {"content-encoding": "gzip"}, 400),
        (b"{}", {"content-encoding": "br"}, 415),
        (b" " * (MOST_BATCH + 1), {}, 413),
        (gzip.compress(b" " * 50_000_000), {"content-encoding": "gzip"}, 413),
        (b"{}", {"authorization": "Basic \xff"}, 401),
    ],
)
def test_what_cannot_be_taken_is_refused(client: TestClient, body: bytes, head: dict[str, str], status: int) -> None:
    """Neither broken nor oversized bodies, packed or not; and in a form that Segment's clients can read."""
    said = {name.encode(): value.encode("latin-1") for name, value in head.items()}
    answer = client.post("/v1/events", content=body, headers={b"authorization": b"Basic " + base64.b64encode(b"a-key-of-the-shop:")} | said)
    assert answer.status_code == status, answer.text
    assert "Traceback" not in answer.text


def test_bad_calls_of_a_batch_are_set_aside(client: TestClient, parts: Served) -> None:
    """The others are stored, and the answer counts both."""
    answer = post(client, {"batch": [PAGE, {"type": "page"}, {"type": "page"}]})
    assert answer.json()["refused"] == [{"reason": "neither userId nor anonymousId", "calls": 2}]
    with parts.database.connect() as connection:
        assert connection.execute(sa.select(set_aside.c.source)).all() == [("shop",)]  # twice the same


def test_no_answer_is_given_while_the_database_is_away(parts: Served) -> None:
    """503: clients keep the events and come again."""
    parts.site_events = Gone()
    with TestClient(create_app(parts)) as client:
        assert post(client, PAGE).status_code == 503


def test_browsers_of_other_sites_may_post(client: TestClient) -> None:
    """The site is elsewhere: its pages may post here, and ask before."""
    asked = client.options("/v1/track", headers={"origin": "https://shop.example", "access-control-request-method": "POST"})
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, "*")
    assert post(client, PAGE).headers["access-control-allow-origin"] == "*"


def test_nothing_of_the_event_is_logged(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    """Neither addresses nor ids reach the logs, whether events are taken or refused."""
    post(client, {"batch": [PAGE, {"type": "identify", "userId": "r1", "traits": {"email": "r1@example.org"}}, {"userId": "r1"}]})
    assert "r1" not in caplog.text
