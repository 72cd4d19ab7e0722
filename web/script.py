"""`GET /v1/letterpress.js`: the script that fills the placements of a page, made small from `static/letterpress.js`; docs/script.md."""

import gzip
from pathlib import Path

import xxhash
from fastapi import APIRouter, Request, Response

from web.minifying import minified

PATH = "/v1/letterpress.js"
_SOURCE = Path(__file__).with_name("static") / "letterpress.js"
_HEADERS = {
    # Pages take up a new version within the hour; one that was served already does while the next is fetched.
    "Cache-Control": "public, max-age=3600, stale-while-revalidate=86400",
    "Access-Control-Allow-Origin": "*",  # for tags that say `crossorigin`
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Vary": "Accept-Encoding",
}


def script() -> bytes:
    """The script as it is served."""
    return minified(_SOURCE.read_text("utf-8")).encode()


def script_routes() -> APIRouter:
    """The route; the script is made small once, when the process starts."""
    router, plain = APIRouter(), script()
    packed, tag = gzip.compress(plain, mtime=0), xxhash.xxh3_64_hexdigest(plain)

    @router.head(PATH, include_in_schema=False)
    @router.get(PATH, response_class=Response, responses={200: {"content": {"text/javascript": {}}}, 304: {"description": "unchanged"}})
    def letterpress_js(request: Request) -> Response:
        """The script for pages."""
        as_gzip = "gzip" in request.headers.get("accept-encoding", "")
        etag = f'"{tag}{"-gz" if as_gzip else ""}"'
        headers = _HEADERS | {"ETag": etag} | ({"Content-Encoding": "gzip"} if as_gzip else {})
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(packed if as_gzip else plain, headers=headers, media_type="text/javascript")

    return router
