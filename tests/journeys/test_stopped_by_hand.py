"""A send that its user stops, one way or the other, goes on where it was."""

import os
import signal
from collections import Counter

import pytest

from tests.journeys.desk import Desk, wait_until
from tests.journeys.people import CONSENTING
from tests.journeys.sink import Sink

pytestmark = pytest.mark.journey


def test_ctrl_c_and_pause_stop_a_send_and_resume_goes_on(desk: Desk, sink: Sink) -> None:
    """Ctrl-C and `pause` let what is on its way be answered, so nothing is unknown; `status` says who stopped it; `resume` ends it."""
    sink.start("--answer-after", "0.2")  # or a busy machine looks away until the send is over
    desk.set(esp=sink.url)

    sending = desk.start("send", "news")
    wait_until(lambda: sink.count >= 30 or sending.over(), "letters to be handed off")
    os.kill(sending.pid, signal.SIGINT)
    ended = sending.ended()
    assert ended.code == 130 and "Traceback" not in ended.err
    stopped = desk.status()
    assert stopped["status"] == "paused" and stopped["reason"] == "stopped by Ctrl-C"
    assert stopped["account"]["unknown"] == {} and stopped["account"]["handed_off"] == len(sink.recipients) < CONSENTING

    resuming = desk.start("resume", "--json")
    wait_until(lambda: sink.count >= 90 or resuming.over(), "more letters to be handed off")
    assert desk.does("pause", "--json").json["status"] == "paused"
    ended = resuming.ended()
    assert ended.code == 0 and ended.json["status"] == "paused" and ended.json["reason"] == "paused by hand"
    assert len(sink.recipients) < CONSENTING

    sink.restart()
    finished = desk.does("resume", "--json").json
    assert finished["status"] == "finished" and finished["account"]["handed_off"] == CONSENTING
    assert set(Counter(sink.recipients).values()) == {1}
