"""The links of letters: `/c/` follows one, `/u/` is about which letters somebody wants."""

from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from web.catalogue import Catalogue
from web.clicks import Clicks
from web.parts import Serving
from web.preferences import preference_routes
from web.recorder import Recorder
from web.viewing import viewing_routes
from web.visit import Visit

_AS_THEY_ARE = "%/:=&?~#+!$,;'@()*[]"  # what RFC 3986 lets stand in a URL, and % because it was encoded before


def link_routes(parts: Serving, catalogue: Catalogue, recorder: Recorder) -> APIRouter:
    """The routes that letters point to. They set no cookies, and say nothing about the recipient."""
    router = APIRouter(include_in_schema=False)
    clicks = Clicks(parts, catalogue, recorder)

    @router.api_route("/c/{token}", methods=["GET", "HEAD"])
    def follow(token: str, request: Request) -> Response:
        url = clicks.follow(token, Visit.of(request), store=request.method == "GET")
        return RedirectResponse(quote(url, safe=_AS_THEY_ARE), status_code=302)

    router.include_router(preference_routes(parts, catalogue, clicks))
    router.include_router(viewing_routes(parts, catalogue, clicks))
    return router
