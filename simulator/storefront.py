"""The front of a shop: pages on this machine that show placements and tell of searches, as a site would that uses Letterpress.

It stands in for a site's own server: it knows who has signed in, makes the token that says so, and puts the default content into the page.
Everything else happens in the browser, through `/v1/letterpress.js`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from http import HTTPStatus
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template
from urllib.parse import parse_qs, quote, unquote, urlsplit

from domain.errors import InputError, UnavailableError
from simulator.catalogue import draw_catalogue
from simulator.people import CATEGORIES

_FILES = Path(__file__).with_name("storefront_files")
_TYPES = {".css": "text/css", ".js": "text/javascript"}
_GLYPHS = {"garden": "❧", "kitchen": "&", "books": "¶", "outdoor": "△", "home": "⌂", "kids": "✶"}
_FRONT = 4  # things of each category that a page shows before anybody searches
_HOST, _COOKIE = "127.0.0.1", "as"


@dataclass(frozen=True, slots=True)
class Storefront:
    """A shop's front. `letterpress`: the address of `letterpress serve`; `defaults`: the HTML of each position, by placement;
    `token`: makes the token of whoever has signed in; `visitors`: ids that the page offers to sign in with."""

    letterpress: str
    write_key: str
    defaults: Mapping[str, Sequence[str]]
    token: Callable[[str], str]
    visitors: Sequence[str] = ()
    context: str = ""
    timeout_ms: int = 800

    def page(self, path: str, who: str) -> str:
        """The page at a path, for whoever has signed in; empty: nobody has."""
        category = path.strip("/").partition("/")[0]
        return Template((_FILES / "page.html").read_text("utf-8")).substitute(
            script=escape(f"{self.letterpress}/v1/letterpress.js"),
            key=escape(self.write_key),
            token=escape(self.token(who)) if who else "",
            context=escape(self.context),
            timeout=self.timeout_ms,
            category=category if category in CATEGORIES else "",
            categories="".join(_link(name, current=name == category) for name in CATEGORIES),
            placements="\n".join(_placement(name, positions) for name, positions in self.defaults.items()),
            tiles="\n".join(_tiles()),
            who=f"<b>{escape(who)}</b>" if who else "nobody in particular",
            visitors="".join(f'<option value="{escape(one)}">' for one in self.visitors),
        )

    @property
    def policy(self) -> str:
        """Its Content-Security-Policy: strict, but for the style attributes of fragments. This is all that Letterpress needs of one."""
        own = "default-src 'none'; img-src 'self' data:; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        return f"{own}; style-src-attr 'unsafe-inline'; script-src 'self' {self.letterpress}; connect-src {self.letterpress}"


def open_front(front: Storefront, port: int) -> ThreadingHTTPServer:
    """A server on a port of loopback, 0 for any free one, that is not serving yet. Raises UnavailableError."""
    try:
        return ThreadingHTTPServer((_HOST, port), partial(_Door, front))
    except OSError as error:
        raise UnavailableError(f"cannot listen there: {error.strerror}", where=f"{_HOST}:{port}") from None


class _Door(BaseHTTPRequestHandler):
    """Answers one browser."""

    protocol_version = "HTTP/1.1"

    def __init__(self, front: Storefront, *arguments: object) -> None:
        self._front = front
        super().__init__(*arguments)  # type: ignore[arg-type] # as socketserver hands them over

    def do_GET(self) -> None:
        """A file of the shop's, a change of who is there, or a page."""
        asked = urlsplit(self.path)
        if asked.path == "/sign-in":
            cookie = f"{_COOKIE}={quote(self._known(parse_qs(asked.query).get('as', [''])[0].strip()))}; Path=/; HttpOnly; SameSite=Lax"
            self._answer(HTTPStatus.SEE_OTHER, b"", {"Location": "/", "Set-Cookie": cookie})
        elif asked.path in {"/shop.css", "/shop.js"}:
            self._file(asked.path.lstrip("/"))
        else:
            self._answer(HTTPStatus.OK, self._front.page(asked.path, self._who()).encode(), {"Content-Type": "text/html; charset=utf-8"})

    def log_message(self, *_: object) -> None:
        """Who looked at what is nobody's business."""

    def _who(self) -> str:
        cookie = SimpleCookie(self.headers.get("Cookie", "")).get(_COOKIE)
        return self._known(unquote(cookie.value)) if cookie else ""

    def _known(self, who: str) -> str:
        """Nobody, if a token cannot carry the id."""
        try:
            self._front.token(who or "nobody")
        except InputError:
            return ""
        return who

    def _file(self, name: str) -> None:
        self._answer(HTTPStatus.OK, (_FILES / name).read_bytes(), {"Content-Type": f"{_TYPES[Path(name).suffix]}; charset=utf-8"})

    def _answer(self, status: HTTPStatus, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        given = {"Content-Length": str(len(body)), "Cache-Control": "no-store", "Content-Security-Policy": self._front.policy}
        for name, value in {**given, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _link(category: str, *, current: bool) -> str:
    return f'<a href="/{category}"{" aria-current=page" if current else ""}>{category}</a>'


def _placement(name: str, positions: Sequence[str]) -> str:
    """One element for each position: that is what the script fills."""
    shown = [f'<div data-letterpress="{escape(name)}" data-position="{n}">{html}</div>' for n, html in enumerate(positions, start=1)]
    return shown[0] if len(shown) == 1 else '<div class="row">' + "\n".join(shown) + "</div>"


def _tiles() -> Iterator[str]:
    """Everything there is, category by category in turn."""
    catalogue = draw_catalogue(1)
    for number in range(catalogue.names.shape[1]):
        for shelf, category in enumerate(CATEGORIES):
            item, price = str(catalogue.names[shelf, number]), float(catalogue.prices[shelf, number])
            name, behind = item.partition("/")[2].replace("-", " "), " hidden" if number >= _FRONT else ""
            yield (
                f'<li class="{category}" data-item="{item}" data-price="{price:.2f}"{behind}>'
                f'<button class="art" aria-label="Look at {name}">{escape(_GLYPHS[category])}</button>'
                f'<h3>{name}</h3><p>€{price:.2f} <button class="add">Add</button></p></li>'
            )
