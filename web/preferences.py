"""`/u/{token}`: one-click unsubscription (RFC 8058), and the page where people say which letters they want.

GET changes nothing, because mail scanners follow every link. POST needs the token alone: no cookie, no login, no redirect. A POST
that says nothing we know of unsubscribes: mail programs send `List-Unsubscribe=One-Click`, and what they may send instead one
day is meant to get rid of letters. Only a wish for less than that, made on our page, is spelled out.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse

from domain.errors import LetterpressError
from domain.message import LedgerEntry
from domain.preference import Change
from domain.send import Send
from web import pages
from web.catalogue import Catalogue
from web.clicks import Clicks
from web.parts import Serving
from web.unsubscribing import entry_of, prefer, unsubscribe
from web.visit import Visit

PAUSES = (30, 90)  # days
_ONE_CLICK = b"List-Unsubscribe=One-Click"
_MOST_TOPICS = 100  # on the page
_MOST_FIELDS = 500  # in a form: two per topic, and the button


@dataclass(frozen=True, slots=True)
class _Form:
    """What was sent. `wish`: the value of the button; empty where none of ours was pressed."""

    wish: str
    shown: frozenset[str]
    wanted: frozenset[str]

    @staticmethod
    def of(body: bytes) -> "_Form":
        try:
            fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=_MOST_FIELDS)
        except ValueError:
            fields = {}
        return _Form(fields.get("wish", [""])[-1], frozenset(fields.get("shown", ())), frozenset(fields.get("topic", ())))

    def change(self, topic: str | None, known: frozenset[str], at: datetime) -> Change | None:
        """What it asks for; None for everything that means to unsubscribe. Topics that nobody ever wrote about are left out."""
        changes = {f"pause-{days}": Change(pause_until=at + timedelta(days=days)) for days in PAUSES}
        changes["resume"] = Change(resume=True)
        changes["topics"] = Change(stop=(self.shown - self.wanted) & known, take_up=self.shown & self.wanted & known)
        if topic is not None:
            changes["stop-topic"] = Change(stop=frozenset({topic}))
        return changes.get(self.wish)


def preference_routes(parts: Serving, catalogue: Catalogue, clicks: Clicks) -> APIRouter:
    """The routes of the page."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/u/{token}", methods=["GET", "HEAD"])
    def ask(token: str, request: Request) -> HTMLResponse:
        entry = entry_of(parts, token)
        if request.method == "GET":
            clicks.look(entry, Visit.of(request))
        return pages.ask(_question(parts, catalogue, entry))

    @router.post("/u/{token}")
    async def answer(token: str, request: Request) -> HTMLResponse:
        body = await request.body()
        return await run_in_threadpool(_take, parts, token, body, Visit.of(request))

    return router


def _take(parts: Serving, token: str, body: bytes, visit: Visit) -> HTMLResponse:
    entry = entry_of(parts, token)
    form, one_click = _Form.of(body), _ONE_CLICK in body
    if form.wish and not one_click and (send := parts.sends.get(entry.send_id)):
        at = parts.clock()
        change = form.change(send.topic, frozenset(parts.preferences.topics()), at)
        if change is not None:
            prefer(parts, entry, visit, change, send.topic)
            return pages.noted(parts.preferences.of(entry.recipient_id, at))
    unsubscribe(parts, entry, visit, one_click=one_click)
    return pages.gone()


def _question(parts: Serving, catalogue: Catalogue, entry: LedgerEntry) -> pages.Question:
    """What the page shows. Whatever cannot be looked up now is left out, but never the button to unsubscribe."""
    with suppress(LetterpressError):
        if send := parts.sends.get(entry.send_id):
            held, topics = parts.preferences.of(entry.recipient_id, parts.clock()), parts.preferences.topics()
            return pages.Question(_sender(catalogue, send), send.topic, tuple(topics[:_MOST_TOPICS]), held, PAUSES)
    return pages.Question()


def _sender(catalogue: Catalogue, send: Send) -> str | None:
    """The name that the letter came from."""
    with suppress(LetterpressError):
        return catalogue.content(send.content_version).campaign.letter_sender.name
    return None
