"""A home with the starter's pages in it, published, and `letterpress serve` over it in a process of its own."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa

from delivery.compile import compile_campaign
from delivery.published_files import file_of, published_variants
from delivery.recipient_tokens import RecipientTokens
from domain.content import Content
from domain.ids import PlacementId, RecipientId, SendId, VariantId
from domain.publication import Publication, PublicationState
from letterpress.shop_pages import defaults_of
from runtime.keys import signing_keys
from runtime.settings import Settings
from simulator.storefront import Storefront, open_front
from storage.content_files import ContentFiles
from storage.contents import Contents
from storage.database import Database
from storage.decision_store import DecisionStore
from storage.publications import Publications
from storage.schema import events, site_events
from tests.storage.people import add

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "web"
HERO, STRIP = PlacementId("web.home_hero"), PlacementId("web.home_strip")
KEY = "a-key-of-the-shop"
REFRESH = SendId("web-20261123T090000Z")


@dataclass
class ShopHome:
    """The home, and its server as it runs at present. `address` stays the same when it is started again."""

    settings: Settings
    redis_url: str
    database: Database
    decisions: DecisionStore
    process: "subprocess.Popen[str] | None" = None
    address: str = "http://127.0.0.1:0"

    def start(self) -> None:
        """Serve; returns when it listens."""
        port = self.address.rpartition(":")[2]
        ours = {"HOME": str(self.settings.home), "REDIS_URL": self.redis_url, "WRITE_KEYS": f"shop:{KEY}", "PLACEMENT_ORIGINS": "*"}
        ours |= {"SECRET_KEY": self.settings.secret_key, "READ_BUDGET_MS": "5000"}  # a busy machine says nothing of what is served
        environment = os.environ | {f"LETTERPRESS_{name}": text for name, text in ours.items()}
        command = [sys.executable, "-m", "letterpress", "serve", "--port", port]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        assert self.process.stderr is not None
        said = self.process.stderr.readline()
        found = re.search(r"http://\S+", said)
        assert found, said
        self.address = found[0]

    def kill(self) -> None:
        """End the server at once, as a machine that fails does."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def clear(self) -> None:
        """Forget all decisions and events; serve again if it was killed."""
        for who in ("r1", "r2", "~country=DE"):
            self.decisions.forget(RecipientId(who))
        with self.database.begin() as connection:
            connection.execute(sa.delete(site_events))
            connection.execute(sa.delete(events))
        if self.process is None:
            self.start()

    def decide(self, who: str, placement: PlacementId, *variants: str, within: int = 0) -> None:
        """Publish a decision; `within`: the number of one within a session."""
        send = SendId(f"{REFRESH}+{within}") if within else REFRESH
        row = (RecipientId(who), placement, tuple(map(VariantId, variants)), send)
        self.decisions.publish([row], timedelta(days=1), datetime.now(UTC))

    def token(self, who: str) -> str:
        """What the site's own server puts into a page."""
        tokens = RecipientTokens(signing_keys(self.settings))
        return tokens.sign(RecipientId(who), datetime.now(UTC) + timedelta(hours=1))

    def events(self) -> list[dict[str, Any]]:
        """Events as they were stored, in the order of arrival: kind, recipient, decision, and what else is kept."""
        columns = [events.c[name] for name in ("kind", "recipient_id", "decision_id", "raw")]
        query = sa.select(*columns, site_events.c.properties)
        query = query.join(events, events.c.event_id == site_events.c.event_id).order_by(events.c.received_at, events.c.event_id)
        with self.database.connect() as connection:
            return [dict(row._mapping) | orjson.loads(row.properties) for row in connection.execute(query)]


def publish(home: ShopHome, content: Content) -> None:
    """Every variant is in its file, and was seen where pages fetch it."""
    store, at = ContentFiles(home.settings.content_place), datetime.now(UTC) - timedelta(minutes=1)
    Contents(home.database).save(content, at)
    steps = []
    for file in map(file_of, published_variants(content)):
        store.put(file.path, file.body, content_type="application/json", cache=file.cache)
        url = file.url(f"{home.address}/content")
        steps.append(Publication(file.placement, file.variant, file.version, url, PublicationState.PUBLISHED, at))
    Publications(home.database).step(*steps)


@contextmanager
def shop_home(folder: Path, database: Database, redis_url: str) -> Iterator[ShopHome]:
    """A home in a folder over a migrated SQLite database, with recipients r1 to r3, that serves."""
    settings = Settings(home=folder, secret_key="test")
    home = ShopHome(settings, redis_url, database, DecisionStore(redis_url))
    for who in ("r1", "r2", "r3"):
        add(database, who)
    publish(home, compile_campaign(TEMPLATES))
    home.start()
    yield home
    home.kill()
    home.decisions.close()


@contextmanager
def serving_pages(server: ThreadingHTTPServer) -> Iterator[str]:
    """The address of a server of pages that runs in a thread of this process."""
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@contextmanager
def storefront(home: ShopHome, **more: Any) -> Iterator[str]:
    """The address of the simulated shop's pages."""
    front = Storefront(home.address, KEY, defaults_of(compile_campaign(TEMPLATES)), home.token, **more)
    with serving_pages(open_front(front, 0)) as address:
        yield address


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server of a test's answers."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def server_of(reply: Callable[[str], Reply]) -> ThreadingHTTPServer:
    """A server that answers each path so, on any free port."""

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given = reply(self.path)
            self.send_response(given.status)
            for name, value in {"Content-Length": str(len(given.body)), **given.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(given.body)

        def log_message(self, *_: object) -> None:
            pass

    return ThreadingHTTPServer(("127.0.0.1", 0), Door)
