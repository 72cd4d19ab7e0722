"""What a click leads to, and what it is written down as."""

from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson

from delivery.links import Click
from domain.content import Link
from domain.errors import InputError, UnavailableError
from domain.event import EventKind, ReceivedEvent
from domain.ids import decision_id_of, event_id_of
from domain.message import LedgerEntry
from web.catalogue import Catalogue
from web.parts import Serving
from web.recorder import Recorder
from web.visit import Visit

SOURCE = "letterpress.web"
_LEADS_OUT = frozenset({"http", "https", "mailto", "tel"})


@dataclass(frozen=True, slots=True)
class Clicks:
    """Follows the links of letters."""

    parts: Serving
    catalogue: Catalogue
    recorder: Recorder

    def follow(self, token: str, visit: Visit, *, store: bool) -> str:
        """Where the link leads; the click is stored on the way if `store`, and a failure to store it stops nobody.

        Raises InputError for a token that was not made here or whose link is not known, UnavailableError if where the link
        leads can neither be looked up nor remembered.
        """
        click = self.parts.signer.read_click(token)
        try:
            entry = self.parts.messages.message(click.message_id)
            link = self._link(click, entry)
        except UnavailableError:
            self.recorder.lose("the database does not answer")
            return _safe(click.url or self.catalogue.remembered_url(click.link_id), unavailable=True)
        if entry and store:
            self.recorder.record(self._event(click, entry, link, visit))
        return _safe(click.url or (link.url if link and not link.dynamic else None))

    def _link(self, click: Click, entry: LedgerEntry | None) -> Link | None:
        send = self.parts.sends.get(entry.send_id) if entry else None
        return self.catalogue.link(send.content_version, click.link_id) if send else None

    def _event(self, click: Click, entry: LedgerEntry, link: Link | None, visit: Visit) -> ReceivedEvent:
        """One event per message, link, position and second: a double request is one click, a second visit is another."""
        at = self.parts.clock()
        placement = link.placement if link else None
        key = "|".join(("clicked", click.message_id, click.link_id, str(click.position), f"{at:%Y%m%dT%H%M%S}"))
        decision = decision_id_of(entry.send_id, entry.recipient_id, placement, click.position) if placement else None
        said = {"link_id": click.link_id, "placement": placement, "position": click.position, **visit.said()}
        return ReceivedEvent(
            event_id=event_id_of(SOURCE, key),
            source=SOURCE,
            kind=EventKind.CLICKED,
            recipient_id=entry.recipient_id,
            message_id=click.message_id,
            decision_id=decision,
            occurred_at=at,
            received_at=at,
            raw=orjson.dumps(said).decode(),
        )


def _safe(url: str | None, *, unavailable: bool = False) -> str:
    """An address to send a reader to: one that a browser or mail program opens as such, never a script."""
    if url is None and unavailable:
        raise UnavailableError("where this link leads cannot be looked up now")
    if url is None or _scheme(url) not in _LEADS_OUT or not url.isprintable():
        raise InputError("this link leads nowhere that a letter may lead to")
    return url


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme.lower()
    except ValueError:
        return ""
