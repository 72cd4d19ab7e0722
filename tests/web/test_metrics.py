"""Metrics count what comes in and what is refused, and name nobody."""

import hashlib
import hmac
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from delivery.webhooks.accounts import accounts_of
from delivery.webhooks.reading import understand_waiting
from domain.event import EventKind
from domain.signal import Act, Signal
from domain.webhook import WebhookPost
from storage.inbox import Inbox
from storage.signals import SignalStreams
from tests.web.serving import AT, SIGNER, STATIC, Gone, Served, message
from web.app import create_app
from web.metrics import CountedInbox, Metrics
from web.recorder import Recorder

MAILGUN = "a-mailgun-signing-key"


@pytest.fixture
def local(parts: Served) -> Iterator[TestClient]:
    """A client on this machine, of a process that takes webhooks."""
    parts.webhooks.accounts = accounts_of(f"eu=mailgun:{MAILGUN}")
    parts.webhooks.inbox = Inbox(parts.database)
    with TestClient(create_app(parts), client=("127.0.0.1", 1), base_url="http://127.0.0.1:8085", follow_redirects=False) as client:
        yield client


def figures(client: TestClient) -> dict[tuple[str, ...], float]:
    """Name and label values → value."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.text)
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def mailgun(**event: Any) -> bytes:
    """A signed post."""
    stamp, token = str(int(AT.timestamp())), "t" * 50
    signature = hmac.new(MAILGUN.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    return orjson.dumps({"signature": {"timestamp": stamp, "token": token, "signature": signature}, "event-data": event})


def test_answers_are_timed_by_route(local: TestClient) -> None:
    """By the route as it is declared, not by the path: tokens stand in paths."""
    token = SIGNER.sign_click(message(), STATIC, 1)
    local.get(f"/c/{token}")
    local.get("/c/x")
    local.get("/wp-admin/ann@example.org")
    local.request("PROPFIND", "/healthz")
    found = figures(local)
    assert found["letterpress_http_seconds_count", "GET", "/c/{token}", "302"] == 1
    assert found["letterpress_http_seconds_count", "GET", "/c/{token}", "404"] == 1
    assert found["letterpress_http_seconds_count", "GET", "none", "404"] == 1
    assert found["letterpress_http_seconds_count", "other", "/healthz", "405"] == 1
    text = local.get("/metrics").text
    assert token not in text and "ann@" not in text and "PROPFIND" not in text


def test_webhooks_are_counted_by_what_became_of_them(local: TestClient) -> None:
    """What is on disk, and what was refused, by reason."""
    good = mailgun(event="delivered", id="1", timestamp=AT.timestamp())
    assert local.post("/webhooks/eu", content=good).status_code == 200
    assert local.post("/webhooks/eu", content=good.replace(b'"signature":"', b'"signature":"0')).status_code == 401
    assert local.post("/webhooks/us", content=good).status_code == 404
    found = figures(local)
    assert found["letterpress_taken_total", "/webhooks/{account}", "eu", "stored"] == 1
    assert found["letterpress_refused_total", "the signature is wrong", "/webhooks/{account}"] == 1
    assert found["letterpress_refused_total", "no such account", "/webhooks/{account}"] == 1


def test_events_are_counted_by_what_became_of_them(local: TestClient) -> None:
    """Stored, known before, refused with the reason; and a request without a key."""
    call = {"type": "track", "event": "Product Viewed", "userId": "r1", "messageId": "m1"}
    body = {"writeKey": "a-key-of-the-shop", "batch": [call, {"type": "track", "userId": "r1"}]}
    for _ in range(2):
        assert local.post("/v1/events", json=body).status_code == 200
    local.post("/v1/events", json={**body, "writeKey": "guessed"})
    found = figures(local)
    assert [found["letterpress_taken_total", "/v1/events", "shop", what] for what in ("stored", "known")] == [1, 1]
    assert found["letterpress_refused_total", "track without an event", "/v1/events"] == 2
    assert found["letterpress_refused_total", "no valid write key", "/v1/events"] == 1


def test_lag_is_the_age_of_what_waits_longest(parts: Served) -> None:
    """Posts that nobody has understood yet, counted and dated."""
    parts.webhooks.accounts, parts.webhooks.inbox = accounts_of(f"eu=mailgun:{MAILGUN}"), Inbox(parts.database)
    local = TestClient(create_app(parts), client=("::1", 1))  # not entered: nothing is understood
    assert figures(local)["letterpress_inbox_lag_seconds",] == 0
    for body, minutes in ((b"{}", 3), (b"{ }", 1)):
        parts.webhooks.inbox.append([WebhookPost("eu", "mailgun", {}, body, AT - timedelta(minutes=minutes))])
    found = figures(local)
    assert (found["letterpress_inbox_waiting",], found["letterpress_inbox_lag_seconds",]) == (2, 180)


def test_understanding_is_timed(parts: Served) -> None:
    """From a post's reception until its events are stored, by provider."""
    inbox = Inbox(parts.database)
    metrics = Metrics(parts, Recorder(parts.events))
    inbox.append(
        [WebhookPost("eu", "mailgun", {}, mailgun(event=kind, id=kind), AT - timedelta(seconds=7)) for kind in ("opened", "clicked")]
    )
    understand_waiting(CountedInbox(inbox, metrics), parts.clock)
    found = {(one.name, *one.labels.values()): one.value for family in metrics.registry.collect() for one in family.samples}
    assert found["letterpress_understanding_seconds_sum", "mailgun"] == 7
    assert (found["letterpress_understanding_seconds_bucket", "mailgun", "5.0"], found["letterpress_understood_events_total", "new"]) == (
        0,
        2,
    )


def test_a_part_that_is_away_is_down(parts: Served) -> None:
    """The rest is still told."""
    parts.decisions = Gone()
    found = figures(TestClient(create_app(parts), client=("127.0.0.1", 1)))
    assert (found["letterpress_up", "database"], found["letterpress_up", "decisions"]) == (1, 0)


@pytest.mark.parametrize(
    ("host", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("192.0.2.1", {}, 404),
        ("127.0.0.1", {"x-forwarded-for": "192.0.2.1"}, 404),
        ("127.0.0.1", {"via": "1.1 proxy"}, 404),
        ("a-unix-socket", {}, 404),
    ],
)
def test_without_a_token_only_this_machine_may_ask(parts: Served, host: str, headers: dict[str, str], status: int) -> None:
    """A proxy on this machine does not make its visitors local."""
    assert TestClient(create_app(parts), client=(host, 1)).get("/metrics", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("given", "status"), [("Bearer s3cret", 200), ("bearer s3cret", 200), ("Bearer s3cre", 404), ("Basic s3cret", 404), ("", 404)]
)
def test_with_a_token_whoever_has_it_may_ask(parts: Served, given: str, status: int) -> None:
    """From anywhere; and nobody else, from here either."""
    parts.metrics_token = "s3cret"
    for host in ("127.0.0.1", "192.0.2.1"):
        assert TestClient(create_app(parts), client=(host, 1)).get("/metrics", headers={"authorization": given}).status_code == status


def test_how_far_reactions_lag_is_told(local: TestClient, parts: Served, redis_url: str) -> None:
    """Signals that wait, the age of the oldest, and who attends to them; while Redis is away nothing is said of them."""
    assert not any(name[0].startswith("letterpress_signals") for name in figures(local))
    parts.signals = SignalStreams(redis_url, partitions=2, budget=timedelta(seconds=5))
    parts.signals.add([Signal("r1", Act("e1", EventKind.SCROLLED, AT, AT))])
    found = figures(local)
    names = ("waiting", "taken", "set_aside", "consumers")
    assert [found[f"letterpress_signals_{name}",] for name in names] == [1, 0, 0, 0]
    assert found["letterpress_signals_lag_seconds",] >= 0
