"""The links of letters: `/c/` follows one, `/u/` unsubscribes (RFC 8058)."""

from contextlib import suppress
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from domain.errors import LetterpressError
from domain.message import LedgerEntry
from web import pages
from web.catalogue import Catalogue
from web.clicks import Clicks
from web.parts import Serving
from web.recorder import Recorder
from web.unsubscribing import entry_of, unsubscribe
from web.visit import Visit

_ONE_CLICK = b"List-Unsubscribe=One-Click"
_AS_THEY_ARE = "%/:=&?~#+!$,;'@()*[]"  # what RFC 3986 lets stand in a URL, and % because it was encoded before


def link_routes(parts: Serving, catalogue: Catalogue, recorder: Recorder) -> APIRouter:
    """The routes that letters point to. They set no cookies, and say nothing about the recipient."""
    router = APIRouter(include_in_schema=False)
    clicks = Clicks(parts, catalogue, recorder)

    @router.api_route("/c/{token}", methods=["GET", "HEAD"])
    def follow(token: str, request: Request) -> Response:
        url = clicks.follow(token, Visit.of(request), store=request.method == "GET")
        return RedirectResponse(quote(url, safe=_AS_THEY_ARE), status_code=302)

    @router.api_route("/u/{token}", methods=["GET", "HEAD"])
    def ask(token: str) -> HTMLResponse:
        return pages.ask(_sender(entry_of(parts, token)))

    @router.post("/u/{token}")
    async def leave(token: str, request: Request) -> HTMLResponse:
        one_click = _ONE_CLICK in await request.body()
        await run_in_threadpool(_leave, token, Visit.of(request), one_click=one_click)
        return pages.gone()

    def _leave(token: str, visit: Visit, *, one_click: bool) -> None:
        unsubscribe(parts, entry_of(parts, token), visit, one_click=one_click)

    def _sender(entry: LedgerEntry) -> str | None:
        """The name that the letter came from; the page does without if it cannot be looked up."""
        with suppress(LetterpressError):
            if send := parts.sends.get(entry.send_id):
                return catalogue.content(send.content_version).campaign.sender.name
        return None

    return router
