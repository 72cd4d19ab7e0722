"""`letterpress simulate esp`."""

import json
import signal
import subprocess
import sys

import httpx
import pytest
from typer.testing import CliRunner

from letterpress.main import app
from tests.simulator import esp_calls as calls


def test_esp() -> None:
    """It says where it listens, as one JSON document, and serves until it is asked to end."""
    command = [sys.executable, "-m", "letterpress", "simulate", "esp", "--smtp-port", "0", "--faults", "resend#1=before", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        lines = []
        while not lines or lines[-1] != "}\n":
            lines.append(process.stdout.readline())
        said = json.loads("".join(lines))
        assert [calls.resend().to(said["http"]).status_code for _ in range(2)] == [500, 200]
        assert httpx.get(said["http"] + "/_control/ids").json() == {calls.name(1): 1}
        assert (said["smtp"].startswith("smtp://127.0.0.1:"), said["https"]) == (True, None)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


@pytest.mark.parametrize("options", [["--faults", "burn=1"], ["--events", "x=1"], ["--webhooks", "http://example.com"], ["--keep", "all"]])
def test_mistakes(options: list[str]) -> None:
    """What it cannot do is refused as the user's mistake."""
    answer = CliRunner().invoke(app, ["simulate", "esp", *options])
    assert getattr(answer.exception, "exit_code", None) == 2
