"""`/v/{token}`: a letter in a browser. `/o/{token}`: the empty picture that says that a letter was opened.

Nothing of a letter is kept for this: it is printed again from what was frozen when it was planned, and shown only if its bytes have
the hash that the ledger kept when it was handed off. What the reader sees is the letter that was sent, or a page that says it is gone.
"""

import base64
from functools import lru_cache

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from delivery.compose import Composer
from delivery.mime import RenderError
from delivery.own_links import OPEN, VIEW
from domain.errors import InputError
from domain.ids import SendId
from domain.message import LedgerEntry, Letter
from web.catalogue import Catalogue
from web.clicks import Clicks
from web.parts import Serving
from web.visit import Visit

_PRESSES = 2  # sends whose composers are kept: each may come to hold some megabytes
_PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_POLICY = (  # a letter brings its own styles and pictures from anywhere, and no scripts; it is kept apart from our pages
    "default-src 'none'; img-src https: http: data:; style-src 'unsafe-inline' https:; font-src https: data:; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'; sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
)


def viewing_routes(parts: Serving, catalogue: Catalogue, clicks: Clicks) -> APIRouter:
    """The routes."""
    router = APIRouter(include_in_schema=False)
    press = lru_cache(_PRESSES)(lambda send_id: _press(parts, catalogue, send_id))

    @router.api_route("/v/{token}", methods=["GET", "HEAD"])
    def view(token: str, request: Request) -> Response:
        entry = _entry(parts, token, VIEW)
        letter = _letter(parts, entry, press(entry.send_id))
        if request.method == "GET":
            clicks.opened(entry, Visit.of(request), VIEW)
        assert letter.form is not None  # noqa: S101 - a composer's letters have one
        return HTMLResponse(letter.form.html.filled(letter.fillings), headers={"content-security-policy": _POLICY})

    @router.api_route("/o/{token}", methods=["GET", "HEAD"])
    def opened(token: str, request: Request) -> Response:
        entry = _entry(parts, token, OPEN)
        if request.method == "GET":
            clicks.opened(entry, Visit.of(request), OPEN)
        return Response(_PIXEL, media_type="image/gif")

    return router


def _entry(parts: Serving, token: str, link_id: str) -> LedgerEntry:
    """The message that a token was signed for. Raises InputError for a forged token, one that is for something else, or a message
    that is not in the ledger."""
    click = parts.signer.read_click(token)
    entry = parts.messages.message(click.message_id) if click.link_id == link_id else None
    if entry is None:
        raise InputError("this link is not for that, or belongs to a letter that is not in the ledger")
    return entry


def _press(parts: Serving, catalogue: Catalogue, send_id: SendId) -> Composer:
    send = parts.sends.get(send_id)
    if send is None:
        raise InputError("the letter's send is not known any more")
    return Composer(catalogue.content(send.content_version), send, parts.signer)


def _letter(parts: Serving, entry: LedgerEntry, press: Composer) -> Letter:
    """The letter as it was handed off. Raises InputError if it cannot be had byte for byte."""
    frozen = parts.letters.of(entry.send_id, entry.shard, entry.recipient_id)
    try:
        letter = press.compose(frozen.recipient, frozen.chosen) if frozen else None
    except RenderError:
        letter = None
    if letter is None or letter.payload_hash != entry.payload_hash:
        raise InputError("what the letter was printed from is not kept any more")
    return letter
