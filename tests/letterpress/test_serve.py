"""`letterpress serve`: a real process, asked over the network."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from letterpress.commands.serve import _listening


def start(home: Path, *arguments: str) -> "subprocess.Popen[str]":
    """The command in a process of its own."""
    environment = dict(os.environ) | {"LETTERPRESS_HOME": str(home), "LETTERPRESS_REDIS_URL": "redis://127.0.0.1:1"}
    command = [sys.executable, "-m", "letterpress", "serve", *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where a serving process answers."""
    process = start(tmp_path, "--port", "0")
    assert process.stderr is not None
    said = process.stderr.readline()
    found = re.search(r"http://\S+", said)
    assert found, said
    yield found[0]
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def test_it_answers_and_ends_when_asked(address: str) -> None:
    """Alive, honest about a decision store that is away, and 404 for a forged link; SIGTERM ends it with 0."""
    assert httpx.get(f"{address}/healthz").json() == {"status": "ok"}
    ready = httpx.get(f"{address}/readyz")
    assert (ready.status_code, ready.json()["parts"]) == (503, {"database": "ok", "decisions": "unavailable"})
    assert httpx.get(f"{address}/c/forged").status_code == 404
    assert "server" not in ready.headers


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    """Exit 2 with the place, no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start(tmp_path, "--port", str(port))
        _, told = process.communicate(timeout=60)
    assert process.returncode == 2
    assert told.strip() == f"letterpress: 127.0.0.1:{port}: cannot listen there: Address already in use"


def test_serving_needs_neither_pandas_nor_lightgbm() -> None:
    """The HTTP process stays small: what it imports does not reach the heavy rooms."""
    code = "import sys, web.app, runtime.serving; print({'pandas', 'lightgbm', 'prefect', 'pyarrow', 'mjml'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "set()"


def test_answers_do_not_wait_for_acknowledgements() -> None:
    """Connections send at once what is written (TCP_NODELAY), which they inherit from the socket that listens."""
    with _listening("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        connection, _ = listening.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
