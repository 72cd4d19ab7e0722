"""A session in a browser, with nothing left out: a search on the page, the consumer's model, and the page that changes because of it."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.signalling.shop import refresh
from delivery.compile import compile_campaign
from domain.decision import Arm
from domain.event import EventKind
from domain.ids import RecipientId, VariantId
from domain.signal import Act, Signal
from flows.plan_send import checked_content
from flows.train_model import Manner, train_model
from letterpress.reacting import Reactor
from runtime.clock import now
from runtime.house import House, shared_house
from runtime.settings import Settings
from simulator.letters import surfaces_of
from simulator.past_visits import simulate_visits
from simulator.shop_files import DECISIONS, EVENTS, RECIPIENTS
from storage.decision_store import DecisionStore
from storage.embedded import EmbeddedRedis
from storage.imports.columns import ImportKind
from storage.imports.run import Stores, run_import
from storage.imports.source import Source
from storage.session_profiles import SessionProfiles
from storage.signals import SignalStreams
from tests.journeys.desk import wait_until
from tests.web.browser import Page, needs_chromium, running_browser
from tests.web.shop_home import HERO, TEMPLATES, ShopHome, publish, storefront

pytestmark = [needs_chromium, pytest.mark.chromium, pytest.mark.journey]

PEOPLE = 1_500
FILES = {ImportKind.RECIPIENTS: RECIPIENTS, ImportKind.DECISIONS: DECISIONS, ImportKind.EVENTS: EVENTS}
POLICY = "policy: {temperature: 0.5, explore: 0.05}"
GARDEN, KITCHEN = "Time to put the garden’s coat on", "Three hours, one pot, no hurry"


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop that serves and reacts."""

    house: House
    home: ShopHome
    visitors: list[str]


def furnished(house: House, aside: str) -> list[str]:
    """The walk of docs/storefront.md, without Prefect. Returns people who like books, are shown so, are not held out, and whom a search
    turns to the garden: that is so for nearly everybody, and who the others are differs from hour to hour. `aside`: a Redis to find out."""
    folder, at = house.settings.var / "shop", datetime.now(UTC).replace(microsecond=0)
    content = compile_campaign(TEMPLATES)
    simulate_visits(folder, recipients=PEOPLE, weeks=6, seed=1, until=at - timedelta(minutes=5), surfaces=surfaces_of(content))
    stores = Stores(house.recipients, house.lake)
    for kind, file in FILES.items():
        run_import(kind, Source(str(folder / file)), None, stores, name="shop", rejects=folder / f"{kind}-rejects.csv", at=at)
    content = checked_content(house, "web")
    train_model(house, content, at, manner=Manner(anyway=True))
    send = refresh(house, content, at)
    audience = house.lake.read("audience", {"send_id": send.send_id})
    free = audience.loc[audience["arm"] == Arm.INCUMBENT.value, "recipient_id"]
    held = ((who, house.decisions.get(RecipientId(who), HERO, at, ()).variants) for who in free)
    return turned([who for who, variants in held if variants == (VariantId("reading-chair"),)][:40], house, aside)


def turned(people: list[str], house: House, aside: str) -> list[str]:
    """Those whom looking for a watering can shows the garden. They look for it where nobody serves."""
    settings, elsewhere = house.settings, replace(house, decisions=DecisionStore(aside))
    streams = SignalStreams(aside, partitions=settings.signal_partitions)
    reactor, at = Reactor(elsewhere, streams, SessionProfiles(aside, settings.session_rule), now), now()
    reactor.look_for_refresh()
    reactor.react([Signal(who, Act(f"try-{who}", EventKind.SEARCHED, at, at, query="watering can")) for who in people])
    found = {who: elsewhere.decisions.get(RecipientId(who), HERO, now(), ()).variants for who in people}
    would = [who for who, variants in found.items() if variants == (VariantId("winter-garden"),)]
    assert len(would) > len(people) / 2
    return would


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, redis_server: str) -> Iterator[Shop]:
    """One whose model has learned what a search means."""
    folder = tmp_path_factory.mktemp("shop")
    shutil.copytree(TEMPLATES, folder / "templates" / "web")
    campaign = folder / "templates" / "web" / "campaign.yaml"
    text = campaign.read_text()
    assert POLICY in text
    campaign.write_text(text.replace(POLICY, "policy: {temperature: 0.02, explore: 0}"))  # what is best is shown, not what is drawn
    server = EmbeddedRedis(folder / "var" / "redis")
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        for name, text in {"HOME": str(folder), "SECRET_KEY": "test", "REDIS_URL": server.url}.items():
            patch.setenv(f"LETTERPRESS_{name}", text)
        shared_house.cache_clear()
        house = shared_house()
        home = ShopHome(Settings(home=folder, secret_key="test"), server.url, house.database, house.decisions)
        publish(home, compile_campaign(campaign.parent))
        visitors = furnished(house, redis_server)
        home.start()
        consumer = subprocess.Popen([sys.executable, "-m", "letterpress", "signals", "run"], stderr=subprocess.PIPE, env=os.environ)
        assert consumer.stderr is not None
        assert b"attending" in consumer.stderr.readline()
        yield Shop(house, home, visitors)
        consumer.send_signal(signal.SIGTERM)
        consumer.communicate(timeout=60)
        home.kill()
        house.database.dispose()
        shared_house.cache_clear()
    server.stop()


def test_a_search_changes_the_page(shop: Shop) -> None:
    """Somebody who has always liked books searches for a watering can and is shown the garden; then they put a teapot into the basket and
    are shown the kitchen. The page is not loaded again, nothing moves, and what was seen is told with the ids of all three decisions."""
    who = shop.visitors[0]
    with running_browser() as browser, browser.page() as page, storefront(shop.home) as address:
        page.open(f"{address}/sign-in?as={who}")
        page.until("document.querySelector('h2').innerText == 'A chair, a lamp, four hundred pages'")
        wait_until(lambda: len(shown(shop, who)) == 1, "the first exposure")
        search(page, "watering can")
        page.until(f"document.querySelector('h2').innerText == {GARDEN!r}")
        wait_until(lambda: len(shown(shop, who)) == 2, "the second exposure")
        search(page, "teapot")
        page.click("li:not([hidden]) .add")
        page.until(f"document.querySelector('h2').innerText == {KITCHEN!r}")
        page.does("scrollTo(0, 0)")
        wait_until(lambda: len(shown(shop, who)) >= 3, "the third exposure")
        assert page.shift() == 0
        assert (page.faults, page.policies) == ([], [])
    told = [str(event["variant"]) for event in shown(shop, who)]
    assert [told[0], told[1], told[-1]] == ["reading-chair", "winter-garden", "slow-kitchen"]


def shown(shop: Shop, who: str) -> list[dict[str, object]]:
    """Exposures of somebody in the hero."""
    return [one for one in shop.home.events() if one["kind"] == "shown" and one["placement"] == HERO and one["recipient_id"] == who]


def search(page: Page, query: str) -> None:
    """Type a query, and send it off."""
    page.does(f"document.querySelector('[name=q]').value = {query!r}")
    page.click("#search button")
