"""Official client libraries deliver into a running server: Segment's for Python, Segment's and RudderStack's for Node."""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from storage.database import Database
from storage.schema import events, purchases, site_events
from tests.storage.people import add

KEY = "a-key-of-the-shop"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "letterpress-tests" / "node-clients"
PACKAGES = ("@segment/analytics-node@2", "@rudderstack/rudder-sdk-node@3")

_ORDER = "{order_id: 'o1', currency: 'EUR', products: [{product_id: 'p1', price: 5, quantity: 2}, {product_id: 'p2', price: 1}]}"
SEGMENT = f"""
const {{ Analytics }} = require('@segment/analytics-node')
const client = new Analytics({{ writeKey: '{KEY}', host: process.argv[2], flushAt: 3 }})
client.on('error', (why) => {{ console.error(why); process.exitCode = 1 }})
client.page({{ anonymousId: 'a1', name: 'Home', properties: {{ path: '/' }} }})
client.identify({{ userId: 'r1', anonymousId: 'a1', traits: {{ plan: 'gold' }} }})
client.track({{ userId: 'r1', event: 'Order Completed', properties: {_ORDER} }})
client.alias({{ userId: 'r1', previousId: 'old' }})
client.group({{ userId: 'r1', groupId: 'g' }})
client.closeAndFlush()
"""
RUDDERSTACK = f"""
const Client = require('@rudderstack/rudder-sdk-node')
const client = new Client('{KEY}', {{ dataPlaneUrl: process.argv[2], flushAt: 3, flushInterval: 500 }})
let waiting = 5
const done = (why) => {{
  if (why) {{ console.error(why); process.exitCode = 1 }}
  if (--waiting === 0) process.exit()
}}
client.page({{ anonymousId: 'a1', name: 'Home', properties: {{ path: '/' }} }}, done)
client.identify({{ userId: 'r1', anonymousId: 'a1', context: {{ traits: {{ plan: 'gold' }} }} }}, done)
client.track({{ userId: 'r1', event: 'Order Completed', properties: {_ORDER} }}, done)
client.alias({{ userId: 'r1', previousId: 'old' }}, done)
client.group({{ userId: 'r1', groupId: 'g' }}, done)
"""


@dataclass(frozen=True, slots=True)
class Served:
    """A serving process and its database."""

    address: str
    database: Database

    def calls(self) -> list[tuple[str, str | None]]:
        """Calls stored, with their recipients."""
        query = sa.select(site_events.c.call, events.c.recipient_id).join(events, events.c.event_id == site_events.c.event_id)
        with self.database.connect() as connection:
            return sorted((row.call, row.recipient_id) for row in connection.execute(query))

    def bought(self) -> list[tuple[str, float, str | None]]:
        """Items, amounts and currencies of purchases."""
        with self.database.connect() as connection:
            return sorted((row.item, row.amount, row.currency) for row in connection.execute(sa.select(purchases)))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """`letterpress serve` in a process of its own, with recipient r1."""
    ours = {"HOME": str(tmp_path), "REDIS_URL": "redis://127.0.0.1:1", "WRITE_KEYS": f"shop:{KEY}"}
    environment = os.environ | {f"LETTERPRESS_{name}": text for name, text in ours.items()}
    command = [sys.executable, "-m", "letterpress", "serve", "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    found = re.search(r"http://\S+", said := process.stderr.readline())
    assert found, said
    database = Database(f"sqlite:///{tmp_path}/var/letterpress.db")
    add(database, "r1")
    yield Served(found[0], database)
    database.dispose()
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


@pytest.fixture(scope="session")
def node() -> Path:
    """A folder with Node's clients, installed once into the user's cache."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("Node is not installed")
    if os.environ.get("LETTERPRESS_OFFLINE"):
        pytest.skip("LETTERPRESS_OFFLINE says that there is no registry")
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "installing.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run side by side
        if not (CACHE / "installed").exists():
            _install(npm)
            (CACHE / "installed").touch()
    return CACHE


def _install(npm: str) -> None:
    command = [npm, "install", "--prefix", str(CACHE), "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    except subprocess.TimeoutExpired:
        pytest.skip("npm did not install the clients within five minutes")
    if done.returncode:
        pytest.skip(f"npm cannot install the clients: {done.stderr.strip()[-200:]}")


EVERYTHING = [(call, "r1") for call in ("alias", "group", "identify", "page", "track")]


@pytest.mark.parametrize("gzip", [False, True])
def test_segments_client_for_python_delivers(served: Served, gzip: bool) -> None:
    """Every call of segment-analytics-python arrives, plain and packed; what came before identify belongs to who it turned out to be."""
    analytics = pytest.importorskip("segment.analytics", reason="the extra `sdks` is not installed")
    faults: list[Any] = []
    client = analytics.Client(KEY, host=served.address, gzip=gzip, on_error=lambda why, _events: faults.append(why), max_retries=1)
    products = [{"product_id": "p1", "price": 5, "quantity": 2}, {"product_id": "p2", "price": float("nan")}]
    client.page(anonymous_id="a1", name="Home", properties={"path": "/"})
    client.identify("r1", anonymous_id="a1", traits={"plan": "gold"})
    client.track("r1", "Order Completed", {"order_id": "o1", "currency": "EUR", "products": products})
    client.alias("old", "r1")
    client.group("r1", "g")
    client.shutdown()
    assert not faults
    assert served.calls() == EVERYTHING
    assert served.bought() == [("p1", 10.0, "EUR"), ("p2", 0.0, "EUR")]


@pytest.mark.parametrize("script", [SEGMENT, RUDDERSTACK], ids=["segment", "rudderstack"])
def test_clients_for_node_deliver(served: Served, node: Path, script: str) -> None:
    """Every call of @segment/analytics-node and @rudderstack/rudder-sdk-node arrives, as their defaults send it."""
    path = node / f"{served.database.url.database}".replace("/", "_").replace(".db", ".cjs")
    path.write_text(script)
    try:
        done = subprocess.run(["node", str(path), served.address], capture_output=True, text=True, check=False, timeout=60)
    finally:
        path.unlink()
    assert (done.returncode, done.stderr) == (0, "")
    assert served.calls() == EVERYTHING
    assert served.bought() == [("p1", 10.0, "EUR"), ("p2", 1.0, "EUR")]
