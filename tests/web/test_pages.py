"""The script in a browser: pages as visitors meet them, with everything behind them in order, slow, wrong and gone."""

import shutil
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from domain.ids import decision_id_of
from storage.database import Database
from tests.journeys.desk import wait_until
from tests.web.browser import Browser, Page, needs_chromium, running_browser
from tests.web.impostor import FRAME, GOOD, ONE, PLACE, framed, impostor, page_of
from tests.web.shop_home import HERO, KEY, REFRESH, STRIP, ShopHome, serving_pages, shop_home, storefront

pytestmark = [needs_chromium, pytest.mark.chromium]

DEFAULT, KITCHEN, GARDEN = "A house that is ready for whoever rings", "Three hours, one pot, no hurry", "Time to put the garden’s coat on"
TITLE = "document.querySelector('[data-letterpress] h2').innerText"
# Every title that a visitor saw in the first placement, in order.
_WATCH_TITLES = """
window.titles = []
new MutationObserver(() => {
  const title = document.querySelector("[data-letterpress] h2")?.textContent
  if (title && title != titles.at(-1)) titles.push(title)
}).observe(document, {subtree: true, childList: true})
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for all."""
    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def kept_home(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, redis_server: str) -> Iterator[ShopHome]:
    """A shop that serves, for all tests: starting one takes some seconds."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "var").mkdir()
    shutil.copy(sqlite_template, folder / "var" / "letterpress.db")
    database = Database(f"sqlite:///{folder}/var/letterpress.db")
    with shop_home(folder, database, redis_server) as home:
        yield home
    database.dispose()


@pytest.fixture
def home(kept_home: ShopHome) -> ShopHome:
    """The shop as it is at first: nothing has happened, and r1 alone is decided for."""
    kept_home.clear()
    kept_home.decide("r1", HERO, "slow-kitchen")
    kept_home.decide("r1", STRIP, "starter", "merino", "tulips")
    return kept_home


@pytest.fixture
def shop(home: ShopHome) -> Iterator[str]:
    """The address of its pages."""
    with storefront(home) as address:
        yield address


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A visitor's tab, that remembers what was shown."""
    with browser.page() as page:
        page.call("Page.addScriptToEvaluateOnNewDocument", source=_WATCH_TITLES)
        yield page
        assert page.faults == []
        assert page.policies == []


def shows(page: Page, title: str) -> None:
    """Wait until the first placement has this title."""
    page.until(f"{TITLE} == {title!r}")


def answered(page: Page) -> None:
    """Wait until placements have been asked for and whatever came has been dealt with."""
    page.until("performance.getEntriesByType('resource').some(one => one.name.includes('/v1/placements'))")
    page.does("new Promise(done => setTimeout(done, 100))")


def test_a_visitor_sees_the_default_first_and_then_what_is_theirs(page: Page, shop: str) -> None:
    """In one call for the whole page, under a strict content security policy, and without moving anything."""
    page.open(f"{shop}/sign-in?as=r1")
    shows(page, KITCHEN)
    assert page.does("titles") == [DEFAULT, KITCHEN]
    strip = page.does("[...document.querySelectorAll('.row h3')].map(one => one.innerText)")
    assert strip == ["A sourdough starter, and its jar", "Two layers of merino", "Tulips by the handful"]
    assert sum("/v1/placements" in url for url in page.asked) == 1
    assert page.shift() == 0


def test_a_stranger_keeps_the_default(page: Page, shop: str) -> None:
    """The very elements that the page came with: nothing is replaced by its like."""
    page.open(shop)
    page.does("window.first = document.querySelector('[data-letterpress] h2')")
    answered(page)
    assert page.does("titles") == [DEFAULT]
    assert page.does("first.isConnected")
    assert page.shift() == 0


def test_a_stranger_gets_what_is_right_for_their_context(page: Page, home: ShopHome) -> None:
    """Of several contexts the first that something was decided for."""
    home.decide("~country=DE", HERO, "winter-garden")
    with storefront(home, context="tier:gold, country:DE") as address:
        page.open(address)
        shows(page, GARDEN)


def test_a_page_changes_within_the_session(page: Page, home: ShopHome, shop: str) -> None:
    """A search goes out as an event, and what was decided because of it is shown without loading the page again."""
    page.open(f"{shop}/sign-in?as=r1")
    shows(page, KITCHEN)
    page.does("document.querySelector('[name=q]').value = 'watering can'")
    page.click("#search button")
    wait_until(lambda: any(event.get("query") == "watering can" for event in home.events()), "the search to be stored")
    home.decide("r1", HERO, "winter-garden", within=1)
    shows(page, GARDEN)
    assert page.does("titles") == [DEFAULT, KITCHEN, GARDEN]
    assert page.shift() == 0
    [searched] = [event for event in home.events() if event["kind"] == "searched"]
    assert searched["recipient_id"] == "r1"


def test_what_was_seen_and_clicked_is_told(page: Page, home: ShopHome, shop: str) -> None:
    """Each decision once, when it was in view for a second; clicks on its links; both with the decision's id and whose they are."""
    page.open(f"{shop}/sign-in?as=r1")
    shows(page, KITCHEN)
    shown = {decision_id_of(REFRESH, "r1", HERO, 1)} | {decision_id_of(REFRESH, "r1", STRIP, n) for n in (1, 2, 3)}  # type: ignore[arg-type]
    wait_until(lambda: len(home.events()) == 4, "exposures")
    page.does("document.querySelector('[data-letterpress] a').addEventListener('click', event => event.preventDefault())")
    page.click("[data-letterpress] h2")  # no link
    page.click("[data-letterpress] a")
    wait_until(lambda: len(home.events()) == 5, "a click")
    told = home.events()
    assert {event["decision_id"] for event in told if event["kind"] == "shown"} == shown
    [click] = [event for event in told if event["kind"] == "clicked"]
    assert click["decision_id"] == decision_id_of(REFRESH, "r1", HERO, 1)  # type: ignore[arg-type]
    assert (click["placement"], click["variant"], click["position"]) == (HERO, "slow-kitchen", "1")
    assert {event["recipient_id"] for event in told} == {"r1"}
    assert page.does("localStorage.length") == 0
    page.open(shop)
    shows(page, KITCHEN)
    page.does("new Promise(done => setTimeout(done, 1500))")
    assert len(home.events()) == 5  # seen again is seen once


def test_a_click_that_leaves_the_page_is_told(page: Page, home: ShopHome, shop: str) -> None:
    """A beacon outlives the page."""
    page.open(f"{shop}/sign-in?as=r1")
    shows(page, KITCHEN)
    page.click("[data-letterpress] a")
    page.until("location.pathname == '/kitchen/slow'")
    wait_until(lambda: any(event["kind"] == "clicked" for event in home.events()), "the click")


def test_what_is_out_of_view_was_not_seen(browser: Browser, home: ShopHome, shop: str) -> None:
    """A placement further down counts from when somebody has scrolled there."""
    with browser.page(height=500) as page:
        page.open(f"{shop}/sign-in?as=r1")
        shows(page, KITCHEN)
        wait_until(lambda: len(home.events()) == 1, "the first exposure")
        page.does("new Promise(done => setTimeout(done, 600))")
        assert [event["placement"] for event in home.events()] == [HERO]
        page.does("document.querySelector('.row').scrollIntoView()")
        wait_until(lambda: len(home.events()) == 4, "the others")


def test_nobody_behind_the_page_is_a_page_with_its_default(page: Page, home: ShopHome, shop: str) -> None:
    """The server is killed while a page is open, and before another is: what stands there stays, and no script fails."""
    page.open(f"{shop}/sign-in?as=r1")
    shows(page, KITCHEN)
    home.kill()
    page.does("letterpress.track('Product Viewed', {category: 'garden'})")
    page.does("letterpress.refresh()")
    assert page.does("titles") == [DEFAULT, KITCHEN]
    page.open(shop)
    assert page.does("titles") == [DEFAULT]
    page.click("#search button")
    assert page.shift() == 0
    home.start()
    page.open(shop)
    shows(page, KITCHEN)


WRONG: dict[str, Callable[[], ThreadingHTTPServer]] = {
    "an error": lambda: impostor(GOOD, 503),
    "not JSON": lambda: impostor(b"<html>a proxy has something to say</html>"),
    "cut off": lambda: impostor(GOOD[: len(GOOD) // 2]),
    "not an object": lambda: impostor(b"null"),
    "another object": lambda: impostor(b'{"detail": "not available at present"}'),
    "no content": lambda: impostor((ONE % '{"position": 1, "variant": "v", "decision_id": "d", "content": null}').encode()),
    "another placement": lambda: impostor(GOOD.replace(b"home_hero", b"home_zero")),
    "another position": lambda: impostor(GOOD.replace(b'"position": 1', b'"position": 2')),
    "not for this site": lambda: impostor(GOOD, cors=False),
    "too late": lambda: impostor(GOOD, wait=1.2),
}


@pytest.mark.parametrize("wrong", list(WRONG))
def test_whatever_is_wrong_the_default_stays(browser: Browser, wrong: str) -> None:
    """The page's own content, and no exception, whatever is answered; and no exposure of what was not shown."""
    with page_of(browser, WRONG[wrong](), given="data-timeout=400") as page:
        answered(page)
        page.does("new Promise(done => setTimeout(done, 1300))")
        assert page.text("h2") == "ours"
        assert not [url for url in page.asked if "/v1/events" in url]


def test_the_very_same_answer_in_order_is_shown(browser: Browser) -> None:
    """What the tests of wrong answers would show if nothing were wrong."""
    with page_of(browser, impostor(GOOD)) as page:
        page.until("document.querySelector('h2').innerText == 'theirs'")


def content_of(height: int) -> bytes:
    """An answer whose content is so high."""
    piece = '{"position": 1, "variant": "v", "decision_id": "d", "content": {"html": "<h2 style=\'margin:0;height:%dpx\'>theirs</h2>"}}'
    return (ONE % (piece % height)).encode()


@pytest.mark.parametrize(("height", "most"), [(120, 0.0), (300, 0.0), (340, 0.1)])
def test_the_page_stands_still(browser: Browser, height: int, most: float) -> None:
    """What is as high as the default, or lower, moves nothing; what is higher moves the page by what it is higher."""
    place = "<style>body{margin:0}h2{margin:0;height:300px}#below{margin:0;height:600px}</style>" + PLACE
    with page_of(browser, impostor(content_of(height), wait=0.3), place=place) as page:
        page.until("document.querySelector('h2').innerText == 'theirs'")
        shift = page.shift()
        assert shift < most if most else shift == 0
        assert page.does("document.getElementById('below').getBoundingClientRect().top") == max(height, 300)


def test_without_a_write_key_nothing_is_kept_or_told(browser: Browser) -> None:
    """Placements are filled, and neither storage nor events are touched."""
    with page_of(browser, impostor(GOOD), key="") as page:
        page.until("document.querySelector('h2').innerText == 'theirs'")
        page.does("letterpress.track('Product Viewed', {})")
        page.does("new Promise(done => setTimeout(done, 1300))")
        assert not [url for url in page.asked if "/v1/events" in url]
        assert page.does("localStorage.length") == 0


_NO_STORAGE = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError') }})"


@pytest.mark.parametrize(("given", "script_before"), [("data-visitor=ours", ""), ("", _NO_STORAGE)])
def test_a_browser_that_keeps_nothing_is_a_visitor_all_the_same(home: ShopHome, browser: Browser, given: str, script_before: str) -> None:
    """With the site's own id, or with one for as long as the page stands; the browser's storage stays empty."""
    with browser.page() as page, serving_pages(framed(FRAME.format(PLACE, home.address, KEY, given))) as address:
        page.call("Page.addScriptToEvaluateOnNewDocument", source=script_before or "0")
        page.open(address)
        answered(page)
        page.does("letterpress.track('Product Viewed', {product_id: 'p1', category: 'garden'})")
        wait_until(lambda: len(home.events()) == 1, "the event")
        [event] = home.events()
        assert ('"anonymousId":"ours"' in event["raw"]) == bool(given)
        assert page.faults == []
        assert not given or page.does("localStorage.length") == 0


def test_default_comes_back_when_a_decision_is_taken_back(page: Page, home: ShopHome, shop: str) -> None:
    """A page that asks again after what was decided is gone shows what it came with."""
    page.open(f"{shop}/sign-in?as=r1")
    shows(page, KITCHEN)
    home.decisions.forget("r1")  # type: ignore[arg-type]
    page.does("letterpress.refresh()")
    shows(page, DEFAULT)
    assert page.shift() == 0
