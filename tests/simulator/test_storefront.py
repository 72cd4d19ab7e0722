"""The pages of the simulated shop: what a site's server does for Letterpress, and nothing more."""

import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from http.client import HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

import pytest

from delivery.compile import compile_campaign
from domain.errors import InputError, UnavailableError
from letterpress.shop_pages import defaults_of, shop_front
from simulator.catalogue import draw_catalogue
from simulator.storefront import Storefront, open_front
from tests.delivery.campaigns import write

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


class Tags(HTMLParser):
    """The tags of a page, with what they say."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def sign(who: str) -> str:
    """A token that can be read; an address gets none."""
    if "@" in who:
        raise InputError("a token carries no address")
    return f"token-of-{who}"


@pytest.fixture
def address() -> Iterator[str]:
    """Where the shop is open."""
    defaults = defaults_of(compile_campaign(TEMPLATES / "web"))
    server = open_front(Storefront("https://letters.example", "a-key", defaults, sign, ["r1", "r<2"], "country:DE"), 0)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def visitor() -> OpenerDirector:
    """Somebody whose browser keeps cookies."""
    return build_opener(HTTPCookieProcessor())


def tags(visitor: OpenerDirector, url: str) -> Tags:
    """A page's."""
    answer: HTTPResponse = visitor.open(url, timeout=10)
    return Tags(answer.read().decode())


def script_of(page: Tags) -> dict[str, str | None]:
    """The tag of Letterpress."""
    return next(one for one in page.of("script") if "letterpress.js" in str(one.get("src")))


def test_a_page_has_the_tag_and_its_placements(address: str, visitor: OpenerDirector) -> None:
    """The script with its key, an element for each position, and every thing that the shop sells."""
    page = tags(visitor, address)
    assert script_of(page) == {
        "async": None,
        "src": "https://letters.example/v1/letterpress.js",
        "data-key": "a-key",
        "data-recipient": "",
        "data-context": "country:DE",
        "data-timeout": "800",
    }
    places = [(one["data-letterpress"], one["data-position"]) for one in page.of("div") if "data-letterpress" in one]
    assert places == [("web.home_hero", "1"), *(("web.home_strip", str(n)) for n in (1, 2, 3))]
    things = [one for one in page.of("li") if "data-item" in one]
    assert len(things) == draw_catalogue(1).names.size
    assert sum("hidden" not in one for one in things) == 24


def test_a_page_is_whose_it_says(address: str, visitor: OpenerDirector) -> None:
    """Who signs in gets their token into every page, until they sign out; whom a token cannot carry stays nobody."""
    assert script_of(tags(visitor, f"{address}/sign-in?as=r1"))["data-recipient"] == "token-of-r1"
    page = tags(visitor, f"{address}/garden")
    assert (script_of(page)["data-recipient"], page.of("body")[0]["data-category"]) == ("token-of-r1", "garden")
    assert script_of(tags(visitor, f"{address}/sign-in?as=ann%40shop.example"))["data-recipient"] == ""
    assert script_of(tags(visitor, f"{address}/sign-in?as=r1"))["data-recipient"] == "token-of-r1"
    assert script_of(tags(visitor, f"{address}/sign-in?as="))["data-recipient"] == ""


def test_nothing_of_a_visitor_gets_into_a_page_as_markup(address: str, visitor: OpenerDirector) -> None:
    """Names and paths are text; and the page's policy would run nothing of theirs."""
    answer: HTTPResponse = visitor.open(f"{address}/sign-in?as=%3Cscript%3E", timeout=10)
    assert "<script>" not in answer.read().decode()
    policy = str(answer.headers["Content-Security-Policy"])
    assert "script-src 'self' https://letters.example;" in policy
    assert "unsafe-eval" not in policy
    assert tags(visitor, f"{address}/%3Cscript%3E").of("body")[0]["data-category"] == ""


@pytest.mark.parametrize("name", ["shop.css", "shop.js"])
def test_a_shop_has_its_own_files(address: str, visitor: OpenerDirector, name: str) -> None:
    """Style and script, and no others of this machine."""
    assert len(visitor.open(f"{address}/{name}", timeout=10).read()) > 500
    try:
        assert "Foundry" in visitor.open(f"{address}/../storefront.py", timeout=10).read().decode()  # a page, as every path is
    except HTTPError as error:
        assert error.code == 404


def test_a_port_that_is_taken_is_told(address: str) -> None:
    """By its number."""
    port = int(address.rpartition(":")[2])
    with pytest.raises(UnavailableError, match="in use") as told:
        open_front(Storefront("https://letters.example", "a-key", {}, sign), port)
    assert str(port) in str(told.value.where)


def test_a_shop_does_not_open_where_its_pages_could_not_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to write into letterpress.toml; then it opens, with tokens of this house."""
    monkeypatch.setenv("LETTERPRESS_HOME", str(tmp_path))
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "web").symlink_to(TEMPLATES / "web")
    write(tmp_path / "templates")
    (tmp_path / "letterpress.toml").write_text('write_keys = "shop:a-key-of-the-shop"\n')
    with pytest.raises(InputError) as told:
        shop_front("web", [], "", 8090)
    assert 'placement_origins = "http://127.0.0.1:8090"' in str(told.value.hint)
    (tmp_path / "letterpress.toml").write_text('write_keys = "shop:a-key-of-the-shop"\nplacement_origins = "http://127.0.0.1:8090"\n')
    front = shop_front("web", ["r1"], "", 8090)
    assert (front.write_key, list(front.defaults)) == ("a-key-of-the-shop", ["web.home_hero", "web.home_strip"])
    assert front.token("r1").count(".") == 3
    with pytest.raises(InputError, match="pages show nothing of it"):
        shop_front("news", [], "", 8090)
