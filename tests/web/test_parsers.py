"""Every parser of what comes from outside, over raw bytes and over real payloads with something wrong about them.

None raises, none loses an event, what is read can be stored, and no body makes a parser hold more than a bounded multiple of itself. See
`fuzzing.py` for how to try new examples for an hour.
"""

import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from delivery.machines.scoring import judge_all
from delivery.webhooks import sns
from delivery.webhooks.accounts import accounts_of
from delivery.webhooks.polling import Polled, QueueMessage, poll
from delivery.webhooks.posts import Forged, RawPost, Secrets, Verified, Wanted
from delivery.webhooks.providers import PROVIDERS
from delivery.webhooks.reading import understand_waiting
from domain.errors import InputError
from domain.event import EventKind, Heard, ReceivedEvent
from domain.ids import MessageId, RecipientId
from domain.machine import Trace
from domain.webhook import WebhookPost
from storage.database import Database
from storage.inbox import Inbox
from storage.site_events import SiteEvents
from tests.delivery.webhooks.test_quirks import QUIRKS
from tests.delivery.webhooks.test_understand import DOC
from tests.delivery.webhooks.vectors import TOPIC, mandrill, topic
from tests.web.fuzzing import CALLS_GIVEN, as_json, broken, damaged, tried
from tests.web.serving import AT, SIGNER, STATIC, message
from web.bodies import BadBody, parsed, unpacked
from web.consuming import MOST_MESSAGE, Consumed, Message, consume
from web.events import MOST_BATCH
from web.segment import MOST_CALLS, MOST_EVENT, read_request

NAMES = sorted(PROVIDERS)
REAL = [(provider, told) for provider, told, *_ in [*DOC, *QUIRKS]]
SNS = [topic().post(kind, version=version) for kind in ("Notification", "SubscriptionConfirmation") for version in ("1", "2")]
SEGMENT: list[Any] = [
    {"type": "track", "event": "Order Completed", "userId": "r1", "messageId": "1", "properties": {"order_id": "o", "revenue": 5}},
    {
        "type": "track",
        "event": "Order Refunded",
        "userId": "r1",
        "messageId": "2",
        "properties": {"order_id": "o", "products": [{"product_id": "p", "price": 5}]},
    },
    {
        "batch": [{"type": "identify", "userId": "r1", "traits": {"email": "r1@example.org"}}, {"type": "page", "anonymousId": "a"}],
        "sentAt": "x",
    },
    {"type": "alias", "userId": "r1", "previousId": "a", "context": {"page": {"url": "https://x.example/?a"}, "userAgent": "Mozilla/5.0"}},
]
MULTIPLE, BESIDE = 100, 2_000_000  # times the body, and bytes beside it, that reading one may hold


def real_of(provider: str) -> st.SearchStrategy[Any]:
    """Payloads of a provider's."""
    return st.sampled_from([told for name, told in REAL if name == provider])


def bodies_of(provider: str) -> st.SearchStrategy[bytes]:
    """Bodies of a provider's, some of them with something wrong about them, some of them anything."""
    whole = broken(real_of(provider)).map(as_json)
    if provider == "ses":
        whole |= st.sampled_from([post.body for post in SNS])
        whole |= broken(real_of(provider)).map(lambda told: topic().post(Message=json.dumps(told)).body)
        whole |= broken(st.sampled_from([json.loads(post.body) for post in SNS])).map(as_json)
    if provider == "mailchimp":
        whole |= broken(real_of(provider)).map(lambda told: urlencode({"mandrill_events": json.dumps(told)}).encode())
    if provider == "mailgun":
        fields = st.dictionaries(
            st.sampled_from(["event", "recipient", "timestamp", "token", "signature", "code", "Message-Id"]), st.text()
        )
        whole |= fields.map(lambda form: urlencode(form, errors="replace").encode())
    return damaged(whole) | st.lists(CALLS_GIVEN, max_size=3).map(as_json) | st.binary(max_size=300)


def held_by(heard: list[Heard]) -> None:
    """What is heard can be stored."""
    for one in heard:
        assert "\x00" not in one.key + one.raw
        texts = (
            one.key,
            one.raw,
            one.address,
            one.esp_message_id,
            one.reason,
            one.url,
            one.user_agent,
            one.ip,
            one.bounce and one.bounce.said,
        )
        for text in texts:
            (text or "").encode()
        assert one.occurred_at is None or (one.occurred_at.tzinfo is UTC and one.occurred_at.year >= 1970)


@pytest.mark.parametrize("name", NAMES)
@tried(60)
@given(data=st.data(), form=st.booleans())
def test_webhooks(name: str, data: st.DataObject, form: bool) -> None:
    """Of every provider: something is heard of each body but an empty list, and nobody is believed who did not sign."""
    body = data.draw(bodies_of(name))
    kind = "application/x-www-form-urlencoded" if form else "application/json"
    post = RawPost({"content-type": kind, "svix-id": "m"}, body, "https://shop.example/webhooks/x")
    heard = list(PROVIDERS[name].understand(post))
    held_by(heard)
    assert heard or b"[]" in body.replace(b" ", b"") or b"%5B%5D" in body or body.startswith(b"mandrill_events")
    verdict = PROVIDERS[name].verify(post, Secrets(["user:a-password", "another-secret"]), AT)
    assert isinstance(verdict, Forged | Wanted)


@pytest.mark.parametrize("told", ["None", "", "[", "\ufeff"])
def test_json_within_json_that_is_none(told: str) -> None:
    """A field that should hold a document and holds other words: one event that nobody understands, and that keeps them."""
    [heard] = PROVIDERS["mailchimp"].understand(RawPost({}, as_json({"mandrill_events": told}), ""))
    assert heard.kind is EventKind.UNKNOWN and json.loads(heard.raw) == told


@tried(80)
@given(body=bodies_of("ses"))
def test_envelopes_of_sns(body: bytes) -> None:
    """Verified only as it was signed; what it names is visited nowhere but at Amazon; out of a queue it is kept, or left there."""
    verdict = sns.verify(RawPost({}, body), topic().secrets, datetime.now(UTC))
    assert isinstance(verdict, Verified | Forged | Wanted)
    if isinstance(verdict, Wanted):
        assert sns.is_certificate_url(verdict.url)
    address = sns.confirmation_url(body)
    assert address is None or address.startswith("https://sns.")
    envelope = sns.envelope_of(body)
    kept = list[WebhookPost]()
    assert polled(body, kept) == (Polled(1, 0) if envelope is None or envelope.get("TopicArn") == TOPIC else Polled(0, 1))
    assert [post.body for post in kept] == ([body] if envelope is None or envelope.get("TopicArn") == TOPIC else [])


def polled(body: bytes, kept: list[WebhookPost]) -> Polled:
    """What becomes of a message of a queue."""

    class Queue:
        def take(self) -> list[QueueMessage]:
            return [QueueMessage("r", body)]

        def remove(self, messages: object) -> None: ...

    class Keeper:
        def append(self, given: Any) -> None:
            kept.extend(given)

    account = accounts_of(f"aws=ses:{TOPIC}")["aws"]
    once = iter([True, False])
    return poll(Queue(), Keeper(), account, clock=lambda: AT, go_on=lambda _: next(once), kept=lambda: None, pause=lambda: None)


@tried(80)
@given(body=damaged(broken(st.sampled_from(SEGMENT)).map(as_json)) | st.binary(max_size=300), encoding=st.sampled_from(["", "gzip"]))
@example(body=b'{"batch":[' + b'{"a":' * 1_010 + b"1" + b"}" * 1_010 + b"]}", encoding="")
@example(body=b'{"type":"track","event":"x","userId":"u","properties":' + b"[" * 1_000 + b"]" * 1_000 + b"}", encoding="")
def test_calls_of_segment(body: bytes, encoding: str) -> None:
    """Each call of a body is an event or refused with a reason; or the body is, with a status that says it is the sender's fault."""
    try:
        document = parsed(unpacked(body, encoding, MOST_BATCH))
    except BadBody as bad:
        assert 400 <= bad.status < 500 and bad.why
        return
    read = read_request(document, source="shop", received_at=AT)
    several = isinstance(document, dict) and isinstance(document.get("batch"), list)
    assert len(read.events) + len(read.refused) == (len(document["batch"]) if several else 1)  # type: ignore[index]
    for raw in (*(one.raw for one in read.events), *(one.raw for one in read.refused)):
        assert "\x00" not in raw
        assert len(raw.encode()) <= 4 * MOST_EVENT


@tried(40)
@given(values=st.lists(damaged(broken(st.sampled_from(SEGMENT)).map(as_json)) | st.binary(max_size=300), min_size=1, max_size=4))
@example(values=[b"[" * 1_000 + b"]" * 1_000, b'{"a":' * 1_020 + b"1" + b"}" * 1_020, b"x" * (MOST_MESSAGE + 1)])
def test_values_of_kafka(sqlite_database: Database, values: list[bytes]) -> None:
    """Whatever is in a stream, it is stored or set aside, by a real store, and the stream goes on."""
    batches = iter([[Message(f"t/0/{number}", value) for number, value in enumerate(values)]])
    committed = list[int]()

    class Stream:
        def take(self) -> list[Message]:
            return next(batches, [])

        def commit(self) -> None:
            committed.append(1)

    once = iter([True, False, False])
    store = SiteEvents(sqlite_database)
    done = consume(Stream(), store, source="shop", clock=lambda: AT, go_on=lambda _: next(once), pause=lambda: None)
    assert isinstance(done, Consumed) and (done.messages, committed) == (len(values), [1])


@tried(60)
@given(
    name=st.sampled_from(NAMES),
    data=st.data(),
    headers=st.dictionaries(st.sampled_from(["content-type", "svix-id"]), st.sampled_from(["x", "application/json", ""])),
)
def test_what_is_understood_can_be_stored(sqlite_database: Database, name: str, data: st.DataObject, headers: dict[str, str]) -> None:
    """Post to events in the database: nothing that a verified post says keeps it, or what came with it, from being understood."""
    inbox, posts = Inbox(sqlite_database), data.draw(st.lists(bodies_of(name), min_size=1, max_size=3))
    inbox.append([WebhookPost("x", name, headers, body, AT) for body in posts])
    while understand_waiting(inbox, lambda: AT) is not None:
        pass
    assert inbox.state().waiting == 0


@tried(100)
@given(
    token=damaged(
        st.sampled_from(
            [
                SIGNER.sign_click(message(), STATIC, 1).encode(),
                SIGNER.sign_click(message(), STATIC, 2, "https://shop.example/").encode(),
                SIGNER.sign_unsubscribe(message()).encode(),
            ]
        )
    )
    | st.binary(max_size=100)
)
def test_tokens(token: bytes) -> None:
    """A token is read as it was signed, or is the visitor's mistake."""
    text = token.decode("utf-8", "replace")
    for read in (SIGNER.read_click, SIGNER.read_unsubscribe):
        try:
            found = read(text)
        except InputError:
            continue
        assert getattr(found, "message_id", found) == message()


@tried(60)
@given(raw=damaged(broken(st.sampled_from([told for _, told in REAL])).map(as_json)).map(lambda body: body.decode("utf-8", "replace")))
def test_raw_payloads_before_the_filter_of_machines(raw: str) -> None:
    """Whatever a payload says or does not, its event is judged."""
    event = ReceivedEvent("e", "esp", EventKind.CLICKED, RecipientId("r"), MessageId("m"), None, AT, AT, raw)
    [found] = judge_all(lambda: [[Trace(event, "example.org", AT)]])
    assert found.event_id == "e"


def heaviest() -> Iterator[tuple[str, bytes]]:
    """Bodies that grow the most when they are read; how much is a multiple, whatever their size."""
    size = 20_000
    yield "empty objects", b"[" + b"{}," * (size // 3) + b"{}]"
    yield "empty lists", b"[" + b"[]," * (size // 3) + b"[]]"
    yield "small numbers", b"[" + b"1," * (size // 2) + b"1]"
    yield "names", b"{" + b",".join(b'"%x":1' % number for number in range(size // 9)) + b"}"
    yield "brackets", b"[" * size
    yield "no UTF-8", b"\xff" * size
    yield "a form", b"&".join(b"%x=1" % number for number in range(size // 8))
    yield "escapes", b'["' + b"\\u0000" * (size // 6) + b'"]'


@pytest.mark.parametrize(("what", "body"), list(heaviest()), ids=lambda value: value if isinstance(value, str) else "")
@pytest.mark.parametrize("name", NAMES)
def test_memory_is_bounded(name: str, what: str, body: bytes) -> None:
    """Reading a body, and finding out whether it is theirs, holds no more than a multiple of it, however it is made up."""
    post = RawPost({"content-type": "application/x-www-form-urlencoded" if what == "a form" else "application/json"}, body, mandrill().url)
    tracemalloc.start()
    try:
        PROVIDERS[name].verify(post, Secrets(["user:a-password"]), AT)
        for _ in PROVIDERS[name].understand(post):
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= MULTIPLE * len(body) + BESIDE


@pytest.mark.parametrize(("what", "body"), list(heaviest()), ids=lambda value: value if isinstance(value, str) else "")
def test_memory_of_calls_is_bounded(what: str, body: bytes) -> None:
    """So does reading calls of Segment's: no more of a batch is kept than a batch may hold."""
    tracemalloc.start()
    try:
        read = read_request(parsed(b'{"batch":' + body + b"}"), source="shop", received_at=AT)
        assert len(read.events) <= MOST_CALLS
    except BadBody:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak <= 4 * MULTIPLE * len(body) + BESIDE
