"""Letters that our adapters hand to the simulated ESP, and what it tells our server of them: forged, late, twice, out of order."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvicorn

from delivery.answers import Accepted
from delivery.esp import build_esp
from delivery.webhooks.accounts import accounts_of
from delivery.webhooks.standing import standing_of
from domain.event import EventKind
from domain.ids import MessageId
from simulator.esp.handle import SimulatedEsp
from storage.database import Database
from storage.events import Events
from storage.inbox import Inbox
from tests.delivery.letters import letter
from tests.web.serving import Hooks, Served, Time
from web.app import create_app

ADDRESSES = {
    "sendgrid": "sendgrid://:KEY@{}",
    "mailgun": "mailgun://shop.example:KEY@{}",
    "postmark": "postmark://:TOKEN@{}",
    "sparkpost": "sparkpost://:KEY@{}",
    "resend": "resend://:KEY@{}",
    "mailjet": "mailjet://KEY:SECRET@{}",
    "brevo": "brevo://:KEY@{}",
}
WORDS = {  # the simulator's word → ours
    "delivered": EventKind.DELIVERED,
    "deferred": EventKind.DEFERRED,
    "soft_bounced": EventKind.BOUNCED,
    "bounced": EventKind.BOUNCED,
    "opened": EventKind.OPENED,
    "clicked": EventKind.CLICKED,
    "complained": EventKind.COMPLAINED,
    "unsubscribed": EventKind.UNSUBSCRIBED,
    "failed": EventKind.DROPPED,
}
NEVER_TOLD = {"postmark": {"deferred", "failed"}, "mailjet": {"deferred"}, "resend": {"unsubscribed"}}
FATES = (
    "delivered=.9,opened=.5,clicked=.3,bounced=.1,soft_bounced=.1,deferred=.2,complained=.1,unsubscribed=.1,failed=.05,"
    "twice=.4,shuffled=1,late=.2,forged=.2,malformed=.2,span=.1,late_seconds=.1,retry_seconds=.05,retries=3,batch=20"
)


@pytest.fixture(scope="module")
def esp() -> Iterator[SimulatedEsp]:
    """A simulated ESP."""
    with SimulatedEsp.start() as esp:
        yield esp


class _Now(Time):
    def __call__(self) -> datetime:
        return datetime.now(UTC)


@contextmanager
def listening(database: Database, setting: str) -> Iterator[str]:
    """The HTTP process over a database, on a port of its own; the address of its webhooks."""
    hooks = Hooks(accounts_of(setting), Inbox(database))
    parts = Served(database, None, Events(database), None, None, None, None, None, clock=_Now(), webhooks=hooks)
    server = uvicorn.Server(uvicorn.Config(create_app(parts), log_level="error"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/webhooks/{{provider}}"
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize("provider", ADDRESSES)
def test_what_happened_is_what_is_known(esp: SimulatedEsp, sqlite_database: Database, tmp_path: Path, provider: str) -> None:
    """Every event arrives once, under the letter's own id; of what was forged nothing; every letter stands where it should."""
    keys = esp.keys()
    secret = {
        "sendgrid": keys["sendgrid_public_key"],
        "mailgun": keys["mailgun_signing_key"],
        "resend": keys["resend_signing_secret"],
    }.get(provider, f"{keys['basic_user']}:{keys['basic_password']}")
    esp.reset()
    with listening(sqlite_database, f"{provider}={provider}:{secret}") as url:
        esp.set_events(url, FATES)
        adapter = build_esp(ADDRESSES[provider].format(esp.host))
        for first in range(0, 60, 20):
            answers = adapter.hand_off([letter(number) for number in range(first, first + 20)])
            assert all(isinstance(answer, Accepted) for answer in answers)
        adapter.close()
        told = esp.wait_until_told()
        _until_understood(Inbox(sqlite_database))
        happened = [event for event in esp.events() if event["kind"] not in NEVER_TOLD.get(provider, set())]
        esp.set_events(None)
    assert told["forged"] > 0 < told["malformed"]
    stored = [
        one for one in Events(sqlite_database).between(datetime(2020, 1, 1, tzinfo=UTC), datetime.now(UTC)) if one.kind != EventKind.UNKNOWN
    ]
    assert Counter((one.message_id, one.kind) for one in stored) == Counter((one["message_id"], WORDS[one["kind"]]) for one in happened)
    for name in {one["message_id"] for one in happened}:
        true = standing_of(WORDS[one["kind"]] for one in happened if one["message_id"] == name)
        assert standing_of(one.kind for one in stored if one.message_id == MessageId(name)) == true


def _until_understood(inbox: Inbox) -> None:
    end = time.monotonic() + 20
    while inbox.state().waiting and time.monotonic() < end:
        time.sleep(0.02)
    assert inbox.state().waiting == 0
