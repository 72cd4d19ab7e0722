"""A small shop of its own for each test, and one Prefect server for all."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import orjson
import pandas as pd
import pytest
from prefect.testing.utilities import prefect_test_harness

from domain.recipient import AttributeKind, normalised
from runtime import house as houses
from runtime.house import House, shared_house

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

CAMPAIGN = """\
title: Weekly letter
sender: {name: Fern, address: letters@fern.example}
postal_address: 1 Fern Lane, Dublin
audience: country <> 'FR'
placements:
  subject: {kind: subject}
  hero: {positions: 1}
"""
LETTER = """\
<mjml><mj-head><mj-preview>{{ preheader }}</mj-preview></mj-head><mj-body>
<lp-placement name="hero" />
<mj-section><mj-column><mj-text>{{ campaign.postal_address }}
<a href="{{ unsubscribe_url }}">Unsubscribe</a></mj-text></mj-column></mj-section>
</mj-body></mjml>
"""
HERO = """\
---
category: {category}
{more}
---
<mj-section><mj-column><mj-text>Hello {{{{ recipient.first_name }}}}, {name}.</mj-text>
<mj-button href="https://fern.example/{name}">Look</mj-button></mj-column></mj-section>
"""


@pytest.fixture(scope="session")
def prefect() -> Iterator[None]:
    """One temporary Prefect server for the whole session: starting one takes many seconds."""
    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture
def campaign_folder(tmp_path: Path) -> Path:
    """The folder of a campaign `weekly` with two subjects and three heroes."""
    folder = tmp_path / "templates" / "weekly"
    write(folder / "campaign.yaml", CAMPAIGN)
    write(folder / "letter.mjml", LETTER)
    write(folder / "subject" / "default.txt", "---\ncategory: home\ndefault: true\n---\nNews for {{ recipient.first_name }}\n")
    write(folder / "subject" / "short.txt", "---\ncategory: home\n---\nNews\n")
    write(folder / "hero" / "default.mjml", HERO.format(category="home", more="default: true", name="default"))
    write(folder / "hero" / "spring.mjml", HERO.format(category="garden", more="", name="spring"))
    write(folder / "hero" / "books.mjml", HERO.format(category="books", more="where: country = 'DE'", name="books"))
    return folder


@pytest.fixture(params=["sqlite", "postgresql"])
def house(
    tmp_path: Path, campaign_folder: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[House]:
    """A house under the test's own folder, with letters going to var/mailbox; on either database."""
    values = {"HOME": str(tmp_path), "REDIS_URL": redis_url, "SHARD_SIZE": "60", "SECRET_KEY": "test"}
    if request.param == "postgresql":
        values["DATABASE_URL"] = request.getfixturevalue("postgresql_url")
    for name, value in values.items():
        monkeypatch.setenv(f"LETTERPRESS_{name}", value)
    shared_house.cache_clear()
    yield shared_house()
    houses.shared_house().database.dispose()
    shared_house.cache_clear()


@pytest.fixture
def people(house: House) -> Callable[[int], None]:
    """Imports so many recipients: every fifth lives in France, every tenth has not consented."""

    def fill(count: int) -> None:
        house.recipients.declare({"first_name": AttributeKind.TEXT, "country": AttributeKind.CATEGORICAL}, AT)
        house.recipients.upsert(pd.DataFrame([recipient(number) for number in range(count)]), AT)

    return fill


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, object]]]:
    """What was posted to the people who run it."""
    found: list[dict[str, object]] = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.append(orjson.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Taker) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("LETTERPRESS_NOTIFY_URL", f"http://127.0.0.1:{server.server_port}/")
        yield found
        server.shutdown()


def recipient(number: int) -> dict[str, object]:
    """A row of the recipients frame."""
    address = f"r{number}@mail.example"
    attributes = {"first_name": f"Ann {number}", "country": ("FR", "DE", "GB", "NL", "US")[number % 5]}
    return {
        "recipient_id": f"r{number}",
        "address": address,
        "address_normalised": normalised(address),
        "time_zone": "Europe/Berlin",
        "locale": "en",
        "consent": number % 10 != 3,
        "created_at": pd.Timestamp(AT),
        "attributes": orjson.dumps(attributes).decode(),
    }


def write(path: Path, text: str) -> None:
    """Write a file, its folders included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
