"""`GET /content/…`: published content from a folder, where no CDN stands in front of another place."""

import re
from pathlib import Path

import xxhash
from fastapi import APIRouter, HTTPException, Request, Response

from delivery.published_files import BRIEF, CONTENT_TYPE, LASTING

# Names as `delivery.published_files` makes them; nothing else is looked for, so no path leads out of the folder.
_FOLDER = re.compile(r"[a-z0-9][a-z0-9._+-]*")
_LASTS = re.compile(r"variant-[a-z0-9][a-z0-9_+-]*\.[0-9a-f]{8}\.json")
_BRIEF = frozenset(("variant-default.json", "variants.json"))
_NOT_HERE = "there is no such content"


def content_routes(folder: Path | None) -> APIRouter:
    """The route over this folder; without one, everything is elsewhere."""
    router = APIRouter()

    @router.head("/content/{placement}/{name}", include_in_schema=False)
    @router.get("/content/{placement}/{name}", responses={404: {"description": _NOT_HERE}})
    def content(placement: str, name: str, request: Request) -> Response:
        """A published file. It is the same for everybody, so any page may read it."""
        lasts = _LASTS.fullmatch(name) is not None
        if folder is None or not _FOLDER.fullmatch(placement) or not (lasts or name in _BRIEF):
            raise HTTPException(404, _NOT_HERE)
        try:
            body = (folder / placement / name).read_bytes()
        except OSError:
            raise HTTPException(404, _NOT_HERE) from None
        tag = f'"{xxhash.xxh3_64_hexdigest(body)}"'
        headers = {"ETag": tag, "Cache-Control": LASTING if lasts else BRIEF, "Access-Control-Allow-Origin": "*"}
        if _holds(request.headers.get("if-none-match", ""), tag):
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type=CONTENT_TYPE)

    return router


def _holds(sent: str, tag: str) -> bool:
    """Whether If-None-Match names this version (RFC 9110, 13.1.2: compared weakly)."""
    return sent.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in sent.split(","))
