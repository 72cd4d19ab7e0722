"""`publish`, `content`, `withdraw` and `preview` of pages, as they are typed, with a server that readers would ask."""

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from runtime.house import shared_house
from tests.delivery.test_web_forms import PAGES, pages
from tests.letterpress.test_content import Ran, Run, letterpress

__all__ = ["letterpress"]
NOWHERE = PAGES.replace('"TRUE"', "consent")  # a column that is there without any recipients


class Quiet(SimpleHTTPRequestHandler):
    """A web server that says nothing on its own."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, letterpress: Run) -> Iterator[Path]:
    """A home with campaign `web`, and a server in front of its content."""
    files = {"campaign.yaml": NOWHERE, "home_hero/spring.html": "---\ncategory: news\n---\n<p>Spring</p>\n"}
    pages(tmp_path / "templates", dict(files))
    content = tmp_path / "var" / "content"
    content.mkdir(parents=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(content)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("LETTERPRESS_CONTENT_PUBLIC_URL", f"http://127.0.0.1:{server.server_address[1]}/")
    monkeypatch.setenv("LETTERPRESS_CONTENT_PATIENCE_SECONDS", "0")
    shared_house.cache_clear()
    yield tmp_path
    server.shutdown()
    server.server_close()
    shared_house.cache_clear()


def document(ran: Ran) -> dict[str, object]:
    """What a command printed."""
    return dict(json.loads(ran.stdout))


def states(ran: Ran) -> dict[str, str]:
    """Of the variants, by name."""
    return {one["variant"]: one["state"] for one in document(ran)["variants"]}  # type: ignore[attr-defined]


def test_a_campaign_is_published_looked_at_and_withdrawn_from(letterpress: Run, home: Path) -> None:
    """Each with one JSON document; the table names every variant, and where pages fetch it."""
    assert set(states(letterpress("content", "web", "--json", home=home)).values()) == {"new"}
    ran = letterpress("publish", "web", "--json", home=home)
    assert (ran.returncode, set(states(ran).values()), document(ran)["failed"]) == (0, {"published"}, 0)
    shown = letterpress("content", "web", home=home).stdout
    assert "\nweb.home_hero/spring  published  http://127.0.0.1:" in shown
    ran = letterpress("withdraw", "web", "home_hero", "spring", "--because", "recalled", "--by", "ann", home=home)
    assert ran.returncode == 0 and "web.home_hero/spring is withdrawn" in ran.stdout and "after 60 minutes" in ran.stdout
    assert states(letterpress("publish", "web", "--json", home=home))["spring"] == "withdrawn"
    ran = letterpress("publish", "web", "--again", "home_hero/spring", "--json", home=home)
    assert (ran.returncode, states(ran)["spring"]) == (0, "published")


def test_what_does_not_come_out_ends_with_2_and_says_what_to_look_at(
    letterpress: Run,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing answers at the address: every variant says so, and the usual reasons are named."""
    monkeypatch.setenv("LETTERPRESS_CONTENT_PUBLIC_URL", "http://127.0.0.1:9/content")
    ran = letterpress("publish", "web", "--json", home=home)
    assert (ran.returncode, set(states(ran).values())) == (2, {"failed"})
    assert "is `letterpress serve` running" in letterpress("content", "web", home=home).stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["send", "web"], "letterpress refresh web"),
        (["dry-run", "web"], "letterpress refresh web"),
        (["check", "web"], "letterpress refresh web"),
        (["proof", "web", "--to", "a@b.example", "--as", "r1"], "letterpress refresh web"),
        (["preview", "web", "--text"], "pages have no plain text"),
        (["publish", "web", "--again", "spring"], "names no variant"),
        (["publish", "nothing"], "there is no campaign 'nothing'"),
        (["withdraw", "web", "home_hero", "plain", "--because", "x"], "is what is shown when nothing was chosen"),
    ],
)
def test_what_makes_no_sense_is_said_in_one_line(letterpress: Run, home: Path, arguments: list[str], said: str) -> None:
    """With the command that does, where there is one; nothing was changed."""
    ran = letterpress(*arguments, home=home)
    assert (ran.returncode, said in ran.stderr, ran.stderr.count("\n")) == (2, True, 1)


def test_a_preview_shows_the_fragments(letterpress: Run, home: Path) -> None:
    """Those asked for, else the defaults; of a letter only with --web, and only what pages show of it."""
    ran = letterpress("preview", "web", "--variant", "home_hero=spring", "--html", "page.html", home=home)
    assert (ran.returncode, ran.stdout.splitlines()[0]) == (0, "web.home_hero: spring (asked for)")
    page = (home / "page.html").read_text()
    assert "<p>Spring</p>" in page and page.index("<p>One</p>") < page.index("<p>Two</p>")
