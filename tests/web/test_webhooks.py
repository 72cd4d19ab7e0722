"""What ESPs tell is verified, on disk before it is answered, and understood soon afterwards."""

import asyncio
import json
import logging
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from hmac import digest
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from delivery.esp.provider import OUR_ID
from delivery.webhooks.accounts import accounts_of
from delivery.webhooks.posts import MANY, ONE
from delivery.webhooks.sendgrid import SIGNATURE, STAMP
from domain.errors import UnavailableError
from domain.event import EventKind
from domain.webhook import WebhookPost
from simulator.esp.webhooks.keys import Keys
from storage.inbox import Inbox
from tests.delivery.webhooks import vectors
from tests.delivery.webhooks.vectors import CERTIFICATE_URL, SUBSCRIBE_URL, TOPIC, topic
from tests.web.serving import SEND, Gone, Hooks, Served, message
from web.app import create_app
from web.webhook_writer import WebhookWriter

KEYS, NEXT = Keys(1), Keys(2)
ACCOUNTS = accounts_of(
    f"sg=sendgrid:{KEYS.published()['sendgrid_public_key']} sg=sendgrid:{NEXT.published()['sendgrid_public_key']}"
    f" mg=mailgun:{KEYS.mailgun} rs=resend:{KEYS.svix} pm=postmark:hooks:secret-word aws=ses:{TOPIC} md=mandrill:key-of-mandrill"
)
BASIC = {"authorization": "Basic " + b64encode(b"hooks:secret-word").decode()}


class Amazon:
    """Amazon's addresses, and how often each was asked. `down`: nothing answers."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.down = False

    def fetch(self, url: str) -> bytes:
        """As `runtime.fetching.fetch`."""
        self.asked.append(url)
        if self.down:
            raise UnavailableError("Amazon SNS does not answer")
        return {CERTIFICATE_URL: topic().certificate, SUBSCRIBE_URL: b"<ok/>"}[url]


@pytest.fixture
def amazon() -> Amazon:
    """A stand-in for what is outside."""
    return Amazon()


@pytest.fixture
def hooked(parts: Served, amazon: Amazon) -> Served:
    """The parts, with accounts. The clock runs: signatures are of now."""
    parts.webhooks = Hooks(ACCOUNTS, Inbox(parts.database), "https://letters.example.com/", amazon.fetch)
    parts.clock.now = vectors.NOW
    return parts


@contextmanager
def serving(parts: Served) -> Iterator[TestClient]:
    """A client of the process over these parts."""
    with TestClient(create_app(parts), base_url="http://127.0.0.1:8085") as client:
        yield client


@pytest.fixture
def client(hooked: Served) -> Iterator[TestClient]:
    """A client of it."""
    with serving(hooked) as client:
        yield client


def signed(body: bytes, keys: Keys = KEYS, at: float | None = None) -> dict[str, str]:
    """SendGrid's headers."""
    stamp = str(int(vectors.NOW.timestamp() if at is None else at))
    return {STAMP: stamp, SIGNATURE: keys.sign_sendgrid(stamp.encode() + body), "content-type": "application/json"}


def batch(*kinds: str, first: int = 0, who: str = "r1") -> bytes:
    """A batch of SendGrid's about a message."""
    common = {"email": "r1@example.org", "timestamp": 1_600_000_000, OUR_ID: message(who)}
    return json.dumps([{**common, "event": kind, "sg_event_id": f"e{first + n}"} for n, kind in enumerate(kinds)]).encode()


def until_understood(parts: Served) -> None:
    """Wait for the background."""
    end = time.monotonic() + 20
    while parts.webhooks.inbox.state().waiting and time.monotonic() < end:
        time.sleep(0.01)
    assert parts.webhooks.inbox.state().waiting == 0


def kinds_of(parts: Served) -> list[EventKind]:
    """What is known of the send's messages."""
    return sorted(event.kind for event in parts.events.of_send(SEND))


def test_kept_then_understood(client: TestClient, hooked: Served) -> None:
    """A batch is answered 200 and becomes events of its message."""
    body = batch("delivered", "open", "click")
    answer = client.post("/webhooks/sg", content=body, headers=signed(body))
    assert (answer.status_code, answer.json()) == (200, {"kept": True})
    until_understood(hooked)
    assert kinds_of(hooked) == ["clicked", "delivered", "opened"]


def test_on_disk_before_the_answer(hooked: Served) -> None:
    """When 200 is said the post is in the database, whether or not anybody understands it."""
    hooked.webhooks.inbox.store = None  # nobody can
    with serving(hooked) as client:
        body = batch("open")
        assert client.post("/webhooks/sg", content=body, headers=signed(body)).status_code == 200
        assert Inbox(hooked.database).state().waiting == 1


def test_told_again(client: TestClient, hooked: Served) -> None:
    """The same post, signed anew, and the same event in another post: 200 each time, one event."""
    for body, at in ((batch("open"), 0), (batch("open"), 60), (batch("open", "click"), 120)):
        assert client.post("/webhooks/sg", content=body, headers=signed(body, at=vectors.NOW.timestamp() + at)).status_code == 200
    until_understood(hooked)
    assert kinds_of(hooked) == ["clicked", "opened"]


def test_two_secrets_at_once(client: TestClient) -> None:
    """While a key is changed both are valid; a third is not."""
    body = batch("open")
    answers = [client.post("/webhooks/sg", content=body, headers=signed(body, keys)).status_code for keys in (KEYS, NEXT, Keys(3))]
    assert answers == [200, 200, 401]


@pytest.mark.parametrize("account", sorted(ACCOUNTS))
def test_nobody_in_particular(client: TestClient, hooked: Served, account: str) -> None:
    """A post that nothing vouches for is answered 401 by every account, never 403 or 406, on which ESPs give up; nothing is kept."""
    for body in (b"", b"{}", b"[]", batch("open"), b"\xff", b'{"Type": "Notification"}'):
        answer = client.post(f"/webhooks/{account}", content=body)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Basic realm="webhooks"')
    assert hooked.webhooks.inbox.state().waiting == 0


def test_forgeries(client: TestClient, hooked: Served) -> None:
    """One byte changed, a time stamp of yesterday, another account's signature: nothing is kept."""
    body = batch("spamreport")
    old = vectors.NOW.timestamp() - timedelta(days=2).total_seconds()
    assert client.post("/webhooks/sg", content=body.replace(b"e0", b"e1"), headers=signed(body)).status_code == 401
    assert client.post("/webhooks/sg", content=body, headers=signed(body, at=old)).status_code == 401
    assert client.post("/webhooks/rs", content=body, headers=signed(body)).status_code == 401
    assert hooked.webhooks.inbox.state().waiting == 0


def test_a_seen_signature_of_mailguns(client: TestClient, hooked: Served) -> None:
    """Who has seen a post of Mailgun's can send it again, to no effect, and cannot put its signature on another event."""
    stamp, token = str(int(vectors.NOW.timestamp())), "0" * 50
    signature = digest(KEYS.mailgun.encode(), f"{stamp}{token}".encode(), "sha256").hex()
    vouching = {"timestamp": stamp, "token": token, "signature": signature}
    told = {"event": "opened", "id": "m1", "timestamp": 1.5, "recipient": "r1@example.org", "user-variables": {OUR_ID: message()}}
    answers = [
        client.post("/webhooks/mg", json={"signature": vouching, "event-data": event}).status_code
        for event in (told, told, told | {"event": "complained"}, told | {"id": "m2", "event": "complained"})
    ]
    until_understood(hooked)
    assert (answers, kinds_of(hooked)) == ([200, 200, 401, 401], ["opened"])


def test_a_password_in_the_head(client: TestClient, hooked: Served) -> None:
    """Postmark's posts carry a password; with another one nothing is kept."""
    told = {"RecordType": "Click", "MessageID": "p1", "Recipient": "r1@example.org", "Metadata": {OUR_ID: message()}}
    assert client.post("/webhooks/pm", json=told, headers=BASIC).status_code == 200
    assert client.post("/webhooks/pm", json=told, headers={"authorization": "Basic aG9va3M6"}).status_code == 401
    until_understood(hooked)
    assert kinds_of(hooked) == ["clicked"]


def test_bodies_of_strangers_are_not_read(hooked: Served) -> None:
    """Who has not the password that is asked for in the head is refused before any of the body is read."""
    answers: list[Any] = []

    async def never() -> Any:
        pytest.fail("the body was read")

    async def note(answer: Any) -> None:
        answers.append(answer)

    headers = [(b"content-length", b"7000000"), (b"content-type", b"application/json"), (b"authorization", b"Bearer no")]
    scope = {"type": "http", "method": "POST", "path": "/webhooks/pm", "query_string": b"", "headers": headers, "http_version": "1.1"}
    asyncio.run(create_app(hooked)(scope, never, note))
    assert answers[0]["status"] == 401


def test_too_much_at_once(hooked: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bodies that are held at a time have an upper limit: beyond it the answer is 503, and soon again."""
    monkeypatch.setattr("web.webhooks._AT_ONCE", 50)
    with serving(hooked) as client:
        body = batch("open")
        answer = client.post("/webhooks/sg", content=body, headers=signed(body))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert client.post("/webhooks/sg", content=b"[]", headers=signed(b"[]")).status_code == 200


def test_a_header_that_helps_to_understand(client: TestClient, hooked: Served) -> None:
    """Svix's id of a message is kept with it, so that its repetition is the same event; what vouches is not kept."""
    stamp = str(int(vectors.NOW.timestamp()))
    key = KEYS.secret("svix", 24)
    hooked.webhooks.inbox.store = None
    for subject in ("a", "b"):
        told = {"type": "email.opened", "created_at": "2026-11-23T09:00:00Z", "data": {"tags": {OUR_ID: message()}, "subject": subject}}
        body = json.dumps(told).encode()
        signature = "v1," + b64encode(digest(key, f"msg_1.{stamp}.".encode() + body, "sha256")).decode()
        headers = {"svix-id": "msg_1", "svix-timestamp": stamp, "svix-signature": signature, "content-type": "application/json"}
        assert client.post("/webhooks/rs", content=body, headers=headers).status_code == 200
    kept = Inbox(hooked.database).waiting()
    assert [post.headers for post in kept] == [{"content-type": "application/json", "svix-id": "msg_1"}] * 2


class TestSns:
    """Amazon SNS."""

    def _post(self, client: TestClient, post: Any) -> httpx.Response:
        return client.post("/webhooks/aws", content=post.body, headers=dict(post.headers))

    def _event(self) -> str:
        mail = {"messageId": "s1", "tags": {OUR_ID: [message()]}, "destination": ["r1@example.org"]}
        return json.dumps({"eventType": "Complaint", "mail": mail, "complaint": {"timestamp": "2026-11-23T09:00:00Z"}})

    def test_notifications(self, client: TestClient, hooked: Served, amazon: Amazon) -> None:
        """The certificate is fetched once, and a complaint suppresses."""
        for name in ("1", "2"):
            assert self._post(client, topic().post(Message=self._event(), MessageId=name)).status_code == 200
        until_understood(hooked)
        assert (amazon.asked, kinds_of(hooked)) == ([CERTIFICATE_URL], ["complained", "complained"])
        assert hooked.suppressions.among(["r1@example.org"]) == {"r1@example.org"}

    def test_many_at_once(self, client: TestClient, amazon: Amazon) -> None:
        """Those that come together while no certificate is at hand fetch one."""
        posts = [topic().post(Message=self._event(), MessageId=str(number)) for number in range(16)]
        with ThreadPoolExecutor(8) as threads:
            assert {answer.status_code for answer in threads.map(lambda post: self._post(client, post), posts)} == {200}
        assert amazon.asked == [CERTIFICATE_URL]

    def test_confirmation(self, client: TestClient, amazon: Amazon) -> None:
        """A verified subscription is confirmed by visiting Amazon's address."""
        assert self._post(client, topic().post("SubscriptionConfirmation")).status_code == 200
        assert amazon.asked == [CERTIFICATE_URL, SUBSCRIBE_URL]

    def test_confirmations_that_are_forged(self, client: TestClient, amazon: Amazon) -> None:
        """Nothing is visited for a confirmation that does not verify, and none but Amazon's address for one that does."""
        forged = vectors.Sns().post("SubscriptionConfirmation")
        assert self._post(client, forged).status_code == 401
        elsewhere = topic().post("SubscriptionConfirmation", SubscribeURL="http://169.254.169.254/latest/meta-data/")
        assert self._post(client, elsewhere).status_code == 200
        other_certificate = topic().post(SigningCertURL="http://169.254.169.254/latest/meta-data/")
        assert self._post(client, other_certificate).status_code == 401
        assert amazon.asked == [CERTIFICATE_URL]

    def test_amazon_is_away(self, client: TestClient, amazon: Amazon) -> None:
        """Without the certificate nothing can be said: 503, and SNS comes again."""
        amazon.down = True
        answer = self._post(client, topic().post(Message=self._event()))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
        amazon.down = False
        assert self._post(client, topic().post(Message=self._event())).status_code == 200


def test_mandrill_asks_first(client: TestClient) -> None:
    """HEAD answers 200 for an account and 404 for any other; what is signed is the address that is public."""
    assert (client.head("/webhooks/md").status_code, client.head("/webhooks/nobody").status_code) == (200, 404)
    url, form = "https://letters.example.com/webhooks/md", vectors.mandrill()
    signed_text = f"{url}mandrill_events{form.form()['mandrill_events']}"
    signature = b64encode(digest(b"key-of-mandrill", signed_text.encode(), "sha1")).decode()
    answer = client.post("/webhooks/md", content=form.body, headers={**form.headers, "x-mandrill-signature": signature})
    assert answer.status_code == 200


def test_too_large(client: TestClient) -> None:
    """A body of more than 8 MB is refused, announced or not."""
    assert client.post("/webhooks/sg", content=b"x" * (MANY + 1)).status_code == 413
    assert client.post("/webhooks/aws", content=b"x" * (ONE + 1)).status_code == 413
    assert client.post("/webhooks/sg", content=(b"x" * 1_000_000 for _ in range(9))).status_code == 413


@pytest.mark.parametrize(
    "headers", [{"content-type": "image/png"}, {"content-type": "multipart/form-data; boundary=x"}, {"content-encoding": "gzip"}]
)
def test_neither_json_nor_a_form(client: TestClient, headers: dict[str, str]) -> None:
    """What no ESP sends is refused before it is read."""
    assert client.post("/webhooks/sg", content=b"x", headers=headers).status_code == 415


NOT_HERE = [("post", "/webhooks/nobody", 404), ("get", "/webhooks/sg", 405), ("post", "/webhooks/", 404)]


@pytest.mark.parametrize(("method", "path", "status"), NOT_HERE)
def test_not_here(client: TestClient, method: str, path: str, status: int) -> None:
    """Accounts that there are not, and other methods."""
    assert client.request(method, path).status_code == status


def test_without_accounts(parts: Served) -> None:
    """Where no account is set up nothing is taken, and no thread is started."""
    before = threading.active_count()
    with TestClient(create_app(parts)) as client:
        assert client.post("/webhooks/sg", content=b"{}").status_code == 404
        names = {thread.name for thread in threading.enumerate()}
    assert not names & {"webhook-writer", "understanding"}
    assert threading.active_count() <= before + 2


def test_the_database_is_away(hooked: Served) -> None:
    """503 with Retry-After, and no word of where the database is; once it is back the repetition is kept."""
    true, hooked.webhooks.inbox = hooked.webhooks.inbox, Gone()
    body = batch("open")
    with serving(hooked) as client:
        answer = client.post("/webhooks/sg", content=body, headers=signed(body))
        assert (answer.status_code, answer.headers["retry-after"], answer.json()) == (503, "30", {"detail": "not available at present"})
    hooked.webhooks.inbox = true
    with serving(hooked) as client:
        assert client.post("/webhooks/sg", content=body, headers=signed(body)).status_code == 200
        until_understood(hooked)
    assert kinds_of(hooked) == ["opened"]


def test_what_waits_at_the_start(hooked: Served) -> None:
    """Posts that a process kept before it died are understood by the next."""
    hooked.webhooks.inbox.append([WebhookPost("sg", "sendgrid", {}, batch("open"), vectors.NOW)])
    with serving(hooked):
        until_understood(hooked)
    assert kinds_of(hooked) == ["opened"]


def test_a_fault_while_understanding(hooked: Served, caplog: pytest.LogCaptureFixture) -> None:
    """A post that cannot be understood now stays, others are taken all the same; the log says what happened, and nothing of people."""
    failed = threading.Event()

    def fail(*_: object) -> None:
        failed.set()
        raise ValueError("r1@example.org")

    hooked.webhooks.inbox.store = fail
    with caplog.at_level(logging.WARNING), serving(hooked) as client:
        body = batch("open")
        assert client.post("/webhooks/sg", content=body, headers=signed(body)).status_code == 200
        assert failed.wait(10)
        assert client.post("/webhooks/sg", content=body, headers=signed(body)).status_code == 200
    assert Inbox(hooked.database).state().waiting == 1
    assert "webhooks cannot be understood: ValueError" in caplog.text
    assert "r1@example.org" not in caplog.text


class _Counting:
    """An inbox that counts transactions, and takes its time for the first."""

    def __init__(self, refused: frozenset[str] = frozenset()) -> None:
        self.sizes: list[int] = []
        self.refused = refused
        self.go_on = threading.Event()

    def append(self, given: Any) -> frozenset[str]:
        """As the inbox."""
        self.sizes.append(len(given))
        self.go_on.wait(10)
        return self.refused


def _posts(count: int) -> list[WebhookPost]:
    return [WebhookPost("sg", "sendgrid", {}, str(number).encode(), vectors.NOW) for number in range(count)]


def test_group_commit() -> None:
    """What arrives while a transaction is under way shares the next: 300 posts at once take a handful of transactions."""
    inbox, commits = _Counting(), list[int]()
    writer = WebhookWriter(inbox, lambda: commits.append(1))  # type: ignore[arg-type]
    writer.start()

    async def all_at_once() -> list[bool]:
        keeping = [asyncio.ensure_future(writer.keep(post)) for post in _posts(300)]
        await asyncio.sleep(0.05)
        inbox.go_on.set()
        return list(await asyncio.gather(*keeping))

    assert asyncio.run(all_at_once()) == [True] * 300
    writer.close()
    assert (sum(inbox.sizes), len(commits)) == (300, len(inbox.sizes))
    assert len(inbox.sizes) <= 5


def test_who_no_longer_waits() -> None:
    """A request that was given up gets no answer, and takes nobody else's away; on closing, what was asked for is written."""
    inbox = _Counting(frozenset({_posts(3)[1].post_id}))
    writer = WebhookWriter(inbox, lambda: None)  # type: ignore[arg-type]
    writer.start()

    async def one_gives_up() -> list[object]:
        keeping = [asyncio.ensure_future(writer.keep(post)) for post in _posts(3)]
        await asyncio.sleep(0.02)
        keeping[0].cancel()
        inbox.go_on.set()
        return list(await asyncio.gather(*keeping, return_exceptions=True))

    found = asyncio.run(one_gives_up())
    assert isinstance(found[0], asyncio.CancelledError)
    assert found[1:] == [False, True]
    writer.close()
