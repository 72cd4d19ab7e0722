"""What arrives at a real SMTP server is what the ledger, `why` and the recipients' data say."""

from email import message_from_bytes, policy
from random import Random

import pytest

from tests.journeys.desk import Desk
from tests.journeys.people import CONSENTING, HOSTILE
from tests.journeys.sink import Sink

pytestmark = pytest.mark.journey


def test_letters_arrive_as_they_were_printed(desk: Desk, sink: Sink) -> None:
    """Everyone's one letter arrives; for ten drawn at random and a hostile name, `why --eml` prints the very bytes that arrived; and
    the hostile name is text in subject, HTML and plain text."""
    sink.start()
    desk.set(esp=sink.url, handoff_batch=50)
    sent = desk.does("send", "news", "--json").json
    assert sent["status"] == "finished"
    assert sent["account"] | {"adds_up": True} == sent["account"]
    assert sent["account"]["handed_off"] == len(sink.recipients) == len(set(sink.recipients)) == CONSENTING
    assert sent["account"]["excluded"] == {"no_consent": 30}
    for address in [*Random(7).sample(sorted(sink.recipients), 10), "hostile@mail.example"]:
        printed = desk.home / "printed.eml"
        why = desk.does("why", sent["send_id"], address, "--eml", str(printed), "--json").json
        assert why["same_bytes"] is True
        assert printed.read_bytes() == sink.letter_to(address)
    is_text(sink.letter_to("hostile@mail.example"))


def is_text(letter: bytes) -> None:
    """The hostile name stands in the letter as its characters."""
    message = message_from_bytes(letter, policy=policy.default)
    html, text = (message.get_body((kind,)) for kind in ("html", "plain"))
    assert html and text
    assert "&lt;script&gt;{{ 7*7 }}{% raw %}" in html.get_content() and "<script>" not in html.get_content()
    assert HOSTILE in text.get_content()
    assert HOSTILE in message["Subject"]
    assert "49" not in message["Subject"]
