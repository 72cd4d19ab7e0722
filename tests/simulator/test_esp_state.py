"""The simulated ESP: what it keeps, for how long, and how it is held."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from domain.errors import InputError
from simulator.esp.handle import SimulatedEsp
from tests.simulator import esp_calls as calls
from tests.simulator.esp_calls import MANY, SUBJECT, name


@pytest.mark.parametrize("keep", ["bodies", "hashes"])
def test_remembers_over_a_restart(tmp_path: Path, keep: str) -> None:
    """With a state folder nothing that was accepted is forgotten when the server is killed and started anew."""
    esp = SimulatedEsp.start(state=tmp_path, keep=keep)
    for provider in MANY:
        MANY[provider]((1, 2)).to(esp.url)
    before = esp.messages()
    os.kill(esp.pid, 9)
    esp.stop()
    with SimulatedEsp.start(state=tmp_path, keep=keep) as again:
        assert again.messages() == before
        calls.resend((1,)).to(again.url)
        assert again.accepted("resend") == {name(1): 2, name(2): 1}
        assert len({one.esp_message_id for one in again.messages(provider="resend")}) == 3
        again.reset()
        assert again.messages() == []


def test_keeps_as_much_as_asked() -> None:
    """Digests are the same whether bodies are kept or not; without bodies there is no content; counts keep ids alone."""
    found = {}
    for keep in ("bodies", "hashes", "counts"):
        with SimulatedEsp.start(keep=keep) as esp:
            for provider in MANY:
                MANY[provider]((1, 2)).to(esp.url)
            assert set(esp.accepted().values()) == {len(MANY)}
            found[keep] = esp.messages()
    assert [one.digest for one in found["bodies"]] == [one.digest for one in found["hashes"]]
    assert {one.subject for one in found["bodies"]} == {SUBJECT}
    assert {one.html for one in found["hashes"]} == {None}
    assert found["counts"] == []


def test_finds_messages(esp: SimulatedEsp) -> None:
    """Messages are found by provider, by our id and by recipient, with their content or without; long lists in pages."""
    calls.sendgrid(range(1_000)).to(esp.url)
    calls.resend((5,)).to(esp.url)
    assert len(esp.messages(content=False)) == 1_001
    assert [one.provider for one in esp.messages(message_id=name(5))] == ["sendgrid", "resend"]
    [one] = esp.messages(provider="sendgrid", recipient=calls.address(7), content=False)
    assert (one.message_id, one.html) == (name(7), None)


def test_counts_bytes(esp: SimulatedEsp) -> None:
    """It counts the bytes that were uploaded to each provider."""
    call = calls.postmark(range(10))
    call.to(esp.url)
    assert esp.counts("postmark").bytes_in == len(call.body)


def test_messages_without_an_id(esp: SimulatedEsp) -> None:
    """A message without any id of ours is counted apart, and is no duplicate of another."""
    for _ in range(2):
        calls.in_json("/emails", calls.resend_email(1, tags=[]), authorization="Bearer k").to(esp.url)
    counts = esp.counts("resend")
    assert (counts.messages, counts.unnamed, counts.distinct, counts.duplicates) == (2, 2, 0, 0)


def test_ends_with_whoever_started_it() -> None:
    """A server whose starter was killed ends by itself."""
    script = (
        "import os, sys; from simulator.esp.handle import SimulatedEsp;"
        "esp = SimulatedEsp.start(); print(esp.url, flush=True); os.kill(os.getpid(), 9)"
    )
    started = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    url = started.stdout.strip()
    assert url.startswith("http://127.0.0.1:")
    with pytest.raises(httpx.TransportError):
        for _ in range(500):
            httpx.get(url + "/_control/state", timeout=5)


def test_does_not_start_with_mistakes() -> None:
    """What it cannot do it says at the start, as something for the user to mend."""
    with pytest.raises(InputError, match="no fault 'burn'"):
        SimulatedEsp.start(faults="burn=.5")
    with SimulatedEsp.start() as first, pytest.raises(InputError, match="cannot listen there: Address already in use"):
        SimulatedEsp.start(port=int(first.host.rpartition(":")[2]))


def test_control_says_what_it_does_not_know(esp: SimulatedEsp) -> None:
    """An unknown question to the other side of the counter is told so."""
    assert httpx.get(esp.url + "/_control/nothing").status_code == 404
    assert httpx.put(esp.url + "/_control/faults", content=b"{").status_code == 400
    assert httpx.post(esp.url + "/_control/events", json={"message_id": "x", "kind": "opened"}).status_code == 404
