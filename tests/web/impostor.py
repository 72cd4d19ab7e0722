"""A server that has the real script, and something of a test's to say about placements; and a page that asks it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer

from tests.web.browser import Browser, Page
from tests.web.shop_home import KEY, Reply, server_of, serving_pages
from web.script import script

FRAME = "<!doctype html><title>A page</title>{}<script async src='{}/v1/letterpress.js' data-key='{}' {}></script>"
PLACE = "<div data-letterpress='web.home_hero'><h2>ours</h2></div><p id=below>below</p>"
ONE = '{"placements": [{"placement": "web.home_hero", "chosen_for": "recipient", "shown": [%s]}], "unknown": [], "token": "none"}'


def impostor(answer: bytes, status: int = 200, *, wait: float = 0, cors: bool = True) -> ThreadingHTTPServer:
    """A server that has the real script, and this to say about placements."""

    def reply(path: str) -> Reply:
        if "letterpress.js" in path:
            return Reply(script(), headers={"Content-Type": "text/javascript"})
        time.sleep(wait)
        return Reply(answer, status, {"Access-Control-Allow-Origin": "*"} if cors else {})

    return server_of(reply)


def framed(page: str) -> ThreadingHTTPServer:
    """A site with one page."""
    return server_of(lambda path: Reply(page.encode() if path == "/" else b"", headers={"Content-Type": "text/html; charset=utf-8"}))


@contextmanager
def page_of(browser: Browser, server: ThreadingHTTPServer, key: str = KEY, place: str = PLACE, given: str = "") -> Iterator[Page]:
    """A tab with a page whose script comes from this server; no script of it fails."""
    with browser.page() as page, serving_pages(server) as origin:
        with serving_pages(framed(FRAME.format(place, origin, key, given))) as address:
            page.open(address)
            yield page
        assert page.faults == []


GOOD = (ONE % '{"position": 1, "variant": "v", "decision_id": "d", "content": {"html": "<h2>theirs</h2>"}}').encode()
