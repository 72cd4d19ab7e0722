"""People who do not want letters any more, while some are on their way to them."""

import os
import re
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from http.client import HTTPResponse
from urllib.request import Request, urlopen

import pytest

from tests.journeys.desk import Desk, wait_until
from tests.journeys.people import CONSENTING
from tests.journeys.sink import Sink, free_port

pytestmark = pytest.mark.journey


@pytest.fixture
def port(desk: Desk) -> Iterator[int]:
    """Where `letterpress serve` answers."""
    port = free_port()
    desk.set(public_url=f"http://127.0.0.1:{port}", web_port=port)
    serving = desk.start("serve")
    wait_until(lambda: _listens(port) or serving.over(), "the HTTP process to start")
    yield port
    os.kill(serving.pid, signal.SIGTERM)
    assert serving.ended().err.count("Traceback") == 0


def test_the_next_claim_refuses_whoever_left(desk: Desk, sink: Sink, port: int) -> None:
    """In the middle of a running send one recipient unsubscribes with one click, one stops the topic, and one pauses, by the links of an
    earlier letter, without cookies: none of them gets the one that was already planned for them, and the account says why."""
    with (desk.campaign / "campaign.yaml").open("a") as file:
        file.write("topic: news\n")
    sink.start()
    desk.set(esp=sink.url)
    desk.does("send", "news")
    late = _in_order(sink)[-3:]
    links = {who: _leave_link(sink, who) for who in late}
    assert set(links) == set(late) and all(f"127.0.0.1:{port}/u/" in link for link in links.values())

    sink.restart("--answer-after", "0.1")  # or a busy machine looks away until the send is over
    sending = desk.start("send", "news", "--json")
    wait_until(lambda: sink.count >= CONSENTING + 10 or sending.over(), "letters of the second send")
    for who, wish in zip(late, ("List-Unsubscribe=One-Click", "wish=stop-topic", "wish=pause-30"), strict=True):
        assert _page(links[who]).status == 200  # looking changes nothing
        answer = _page(links[who], wish)
        assert answer.status == 200 and answer.headers["set-cookie"] is None
    assert not sending.over()

    finished = sending.ended()
    assert finished.code == 0, finished.err
    account = desk.status()["account"]
    assert account["handed_off"] == CONSENTING - 3
    assert {why: account["excluded"][why] for why in ("suppressed", "opted_out", "paused")} == {
        "suppressed": 1,
        "opted_out": 1,
        "paused": 1,
    }
    letters = Counter(sink.recipients)
    assert {who: letters[who] for who in late} == dict.fromkeys(late, 1)
    assert sum(letters.values()) == 2 * CONSENTING - 3

    counts = desk.does("audience", "news", "--json").json  # a later send leaves them out from the start
    assert {why: counts["excluded"][why] for why in ("suppressed", "opted_out", "paused")} == {"suppressed": 1, "opted_out": 1, "paused": 1}


def _listens(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


def _in_order(sink: Sink) -> list[str]:
    """Who got a letter, the first first."""
    kept = sorted(sink.folder.glob("*.json"), key=lambda path: int(path.stem.rpartition("-")[2]))
    return [re.findall(r'"([^"]+)"', path.read_text())[0] for path in kept]


def _leave_link(sink: Sink, who: str) -> str:
    headers = message_from_bytes(sink.letter_to(who), policy=default)
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    return str(headers["List-Unsubscribe"]).strip("<>")


def _page(url: str, body: str | None = None) -> HTTPResponse:
    with urlopen(Request(url, data=body.encode() if body is not None else None), timeout=60) as answer:  # noqa: S310 - ours, on loopback
        assert isinstance(answer, HTTPResponse)
        return answer
