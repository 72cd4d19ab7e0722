"""Whatever is asked of the HTTP process, it answers: no 5xx, no traceback, whatever stands in path, head and body.

schemathesis makes requests from the OpenAPI document; hypothesis asks for what the document leaves out, and calls the parsers
directly; `test_parsers.py` goes on with every parser there is. By default few examples are tried, always the same. For an hour of new ones:

    LETTERPRESS_FUZZ_EXAMPLES=100000 timeout 1h .venv/bin/pytest tests/web/test_openapi.py tests/web/test_parsers.py -q -n auto
"""

import base64
import gzip
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from delivery.webhooks.accounts import accounts_of
from delivery.webhooks.posts import Forged, RawPost, Secrets, Verified, Wanted
from delivery.webhooks.providers import PROVIDERS
from domain.event import Heard
from domain.site_event import Call, EventRates
from storage.database import Database
from storage.decision_store import DecisionStore
from storage.inbox import Inbox
from tests.web.fuzzing import CALLS_GIVEN, as_json, tried
from tests.web.serving import AT, SIGNER, STATIC, Served, message, served
from web.app import create_app
from web.bodies import BadBody, parsed, unpacked
from web.events import BATCHES, CALLS, MOST_BATCH
from web.segment import MOST_EVENT, read_request

KEY = {"authorization": "Bearer a-secret-of-the-shops-server"}
PASSWORD = "postmark:a-password"
HEADERS = {"authorization": "Basic " + base64.b64encode(PASSWORD.encode()).decode()}
SECRETS = {"postmark": PASSWORD, "mailjet": PASSWORD, "brevo": PASSWORD, "sparkpost": PASSWORD}
ACCOUNTS = ",".join(f"{name}={name}:{SECRETS.get(name, 'a-long-secret')}" for name in PROVIDERS)


@pytest.fixture
def app(sqlite_database: Database, decision_store: DecisionStore, redis_url: str) -> FastAPI:
    """The process, taking webhooks of every provider."""
    parts: Served = served(sqlite_database, decision_store, redis_url)
    parts.webhooks.accounts, parts.webhooks.inbox = accounts_of(ACCOUNTS), Inbox(sqlite_database)
    parts.placements.servers = {"a-secret-of-the-shops-server": "shop"}
    parts.event_rates = EventRates(0, 0)  # what is tried is how it answers, however often it is asked
    return create_app(parts)


@pytest.fixture
def asked(app: FastAPI) -> Iterator[TestClient]:
    """A client that raises what the process does not catch."""
    with TestClient(app, follow_redirects=False, base_url="http://127.0.0.1:8085") as client:
        yield client


@pytest.fixture
def described(app: FastAPI) -> Any:
    """The process as its OpenAPI document describes it."""
    return schemathesis.openapi.from_asgi("/openapi.json", app)


def test_answers_are_as_described(described: Any) -> None:
    """Every route of the document: no 5xx but one that it names, and no status, type or shape that it does not."""
    operations = [found.ok() for found in described.get_all_operations()]
    assert {operation.path for operation in operations} >= {
        "/healthz",
        "/readyz",
        "/v1/events",
        "/v1/decisions/{placement}",
        "/v1/placements",
        "/v1/placements/{placement}",
        "/webhooks/{account}",
    }
    for operation in operations:
        _answers_as_described(operation)


def _answers_as_described(operation: Any) -> None:
    @tried(40)
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        answer = case.call(headers=HEADERS if "webhooks" in operation.path else KEY if "decisions" in operation.path else None)
        case.validate_response(answer, checks=[status_code_conformance, response_schema_conformance, content_type_conformance])
        assert answer.status_code < 500

    ask()


TOKENS = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="ABCDEFGHabcdefgh0123456789-_=", max_size=80),
    st.sampled_from([SIGNER.sign_unsubscribe(message()), SIGNER.sign_click(message(), STATIC, 1), "x" * 5_000]),
)


@tried(80)
@given(
    kind=st.sampled_from("cuvo"),
    token=TOKENS,
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE"]),
    body=st.binary(max_size=200),
)
def test_links_answer_whatever_stands_in_them(asked: TestClient, kind: str, token: str, method: str, body: bytes) -> None:
    """A page or a redirect, never a fault."""
    url = f"/{kind}/" + "".join(f"%{byte:02X}" for byte in token.encode("utf-8", "replace"))
    assert asked.request(method, url, content=body if method == "POST" else None).status_code < 500


@tried(60)
@given(path=st.sampled_from([*BATCHES, *CALLS]), tree=CALLS_GIVEN, packed=st.booleans())
def test_events_answer_whatever_they_hold(asked: TestClient, path: str, tree: object, packed: bool) -> None:
    """Every name of the route: taken or refused with a reason, one by one; packed or not."""
    body = as_json(tree)
    headers = {"authorization": "Basic " + base64.b64encode(b"a-key-of-the-shop:").decode()}
    headers |= {"content-encoding": "gzip"} if packed else {}
    answer = asked.post(path, content=gzip.compress(body) if packed else body, headers=headers)
    assert answer.status_code in {200, 400, 413}


@tried(40)
@given(tree=CALLS_GIVEN, account=st.sampled_from(sorted(PROVIDERS)))
def test_webhooks_answer_whatever_they_hold(asked: TestClient, account: str, tree: object) -> None:
    """Kept if it is the account's, else refused."""
    answer = asked.post(f"/webhooks/{account}", content=as_json(tree), headers=HEADERS)
    assert answer.status_code in {200, 401}


@pytest.mark.parametrize("name", sorted(PROVIDERS))
@tried(60)
@given(
    body=st.one_of(CALLS_GIVEN.map(as_json), st.lists(CALLS_GIVEN, max_size=3).map(as_json), st.binary(max_size=200)), form=st.booleans()
)
def test_every_provider_reads_whatever_it_is_given(name: str, body: bytes, form: bool) -> None:
    """Events, or UNKNOWN: no post makes a parser fail, and none is believed without a signature."""
    kind = "application/x-www-form-urlencoded" if form else "application/json"
    post, provider = RawPost({"content-type": kind}, body, "https://shop.example/webhooks/x"), PROVIDERS[name]
    assert all(isinstance(one, Heard) for one in provider.understand(post))
    assert isinstance(provider.verify(post, Secrets([SECRETS.get(name, "a-long-secret")]), AT), (Forged, Wanted))
    assert not isinstance(provider.verify(post, Secrets([]), AT), Verified)


@tried(150)
@given(tree=CALLS_GIVEN, call=st.sampled_from([None, *Call]))
def test_every_call_is_an_event_or_refused(tree: object, call: Call | None) -> None:
    """The Segment spec's parser takes any document, and every call in it counts once."""
    document = orjson.loads(orjson.dumps(tree, option=orjson.OPT_NON_STR_KEYS)) if _writable(tree) else tree
    read = read_request(document, source="shop", received_at=AT, call=call)
    several = isinstance(document, dict) and isinstance(document.get("batch"), list)
    assert len(read.events) + len(read.refused) == (len(document["batch"]) if several else 1)  # type: ignore[index]
    assert all(len(one.raw) <= MOST_EVENT for one in read.events)


@tried(150)
@given(body=st.binary(max_size=300), encoding=st.sampled_from(["", "gzip", "identity", "br", "deflate"]))
def test_every_body_is_a_document_or_refused(body: bytes, encoding: str) -> None:
    """Packed, cut short or nonsense: a status below 500 and a reason."""
    try:
        parsed(unpacked(body, encoding, MOST_BATCH))
    except BadBody as bad:
        assert 400 <= bad.status < 500 and bad.why


def test_a_bomb_is_not_unpacked(asked: TestClient) -> None:
    """A hundred megabytes in a hundred kilobytes are refused without ever being held."""
    bomb = gzip.compress(b"[" * 100_000_000, compresslevel=1)
    headers = {"content-encoding": "gzip", "authorization": "Basic " + base64.b64encode(b"a-key-of-the-shop:").decode()}
    assert asked.post("/v1/events", content=bomb[:MOST_BATCH], headers=headers).status_code == 413


def test_depth_is_no_fault(asked: TestClient) -> None:
    """Ten thousand brackets are no document."""
    headers = {"authorization": "Basic " + base64.b64encode(b"a-key-of-the-shop:").decode()}
    assert asked.post("/v1/events", content=b"[" * 10_000 + b"]" * 10_000, headers=headers).status_code == 400


def _writable(tree: object) -> bool:
    try:
        orjson.dumps(tree, option=orjson.OPT_NON_STR_KEYS)
    except (TypeError, ValueError):
        return False
    return True
