"""Telling the people who run Letterpress, over real HTTP and into a real mailbox."""

import hmac
import json
import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email import message_from_bytes, policy
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from prefect.logging import disable_run_logger

from delivery.compile import compile_campaign
from delivery.notices import gate_notice
from domain.audit import AuditEntry, Deed
from domain.ids import CampaignId, SendId
from domain.send import Send
from flows.tell import ATTEMPTS, tell
from runtime import clock
from runtime.house import House
from simulator.clock import SteeredClock
from tests.flows.conftest import AT
from tests.flows.test_send_campaign import mailbox

pytestmark = [pytest.mark.usefixtures("prefect"), pytest.mark.parametrize("house", ["sqlite"], indirect=True)]


@dataclass
class Receiver:
    """A server on loopback that answers with these statuses, one after the other, and keeps what it got."""

    statuses: list[int]
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that takes everything."""
    found = Receiver([])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(found.statuses.pop(0) if found.statuses else 204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing to say."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


def tripped(house: House, **settings: str) -> None:
    """Tell of a gate, with these settings."""
    content = compile_campaign(house.settings.campaigns_folder / "weekly")
    house.contents.save(content, AT)
    send = Send(SendId("weekly-1"), CampaignId("weekly"), AT, AT, content.content_version, None, 1, "folder", "http://x.example", "k")
    entry = AuditEntry(AT, "letterpress", Deed.GATE_TRIPPED, send.send_id, "bounces: 12 of 200 letters", {"bounces": 12})
    with disable_run_logger(), clock.running_on(SteeredClock(AT, stride=timedelta(seconds=1))):
        tell(replace(house, settings=replace(house.settings, **settings)), send, gate_notice(send, entry))  # type: ignore[arg-type]


def test_a_post_is_signed_and_tried_again_while_the_server_is_away(house: House, receiver: Receiver) -> None:
    """Two faults of the server, then it takes it: three posts of the same body, each signed with the secret."""
    receiver.statuses = [503, 429]
    tripped(house, notify_url=f"http://127.0.0.1:{receiver.port}/hook", notify_secret="s3cret")
    assert len(receiver.got) == 3 and len({body for _, body in receiver.got}) == 1
    head, body = receiver.got[-1]
    stamp, _, code = head["letterpress-signature"].partition(",v1=")
    assert code == hmac.new(b"s3cret", stamp.removeprefix("t=").encode() + b"." + body, sha256).hexdigest()
    told = json.loads(body)
    assert (told["kind"], told["send_id"], told["facts"]) == ("gate_tripped", "weekly-1", {"bounces": 12})
    assert head["content-type"] == "application/json"


@pytest.mark.parametrize(("statuses", "posts"), [([400], 1), ([500] * 9, ATTEMPTS)])
def test_what_nobody_takes_is_logged_and_stops_nothing(
    house: House, receiver: Receiver, caplog: pytest.LogCaptureFixture, statuses: Sequence[int], posts: int
) -> None:
    """A refusal is not repeated, a fault only a few times; the mail goes out all the same, and no address or URL is logged."""
    receiver.statuses = list(statuses)
    with caplog.at_level(logging.ERROR):
        tripped(house, notify_url=f"http://127.0.0.1:{receiver.port}/hook?token=secret", notify_email="ops@fern.example")
    assert len(receiver.got) == posts and "letterpress-signature" not in receiver.got[0][0]
    assert "telling by post failed" in caplog.text and "token=secret" not in caplog.text and "ops@" not in caplog.text
    [path] = mailbox(house)
    read = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert (read["From"], read["To"]) == ("letters@fern.example", "ops@fern.example") and "12 of 200" in read.get_content()


def test_a_server_that_is_not_there_is_logged(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody listens, and the mailbox's address is none: both are told, neither is raised."""
    with caplog.at_level(logging.ERROR):
        tripped(house, notify_url="http://127.0.0.1:9/hook", notify_email="not an address")
    assert "nobody took it in 4 attempts" in caplog.text and "telling by mail failed" in caplog.text
    assert mailbox(house) == []


def test_without_settings_only_prefect_is_told(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is posted or mailed, and nothing fails."""
    with caplog.at_level(logging.ERROR):
        tripped(house)
    assert "failed" not in caplog.text and mailbox(house) == []
