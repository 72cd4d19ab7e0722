"""What a click leads to, and what it is written down as."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson

from delivery.links import Click
from delivery.machines.sightings import UNSUBSCRIBE_LINK
from domain.content import Link
from domain.errors import InputError, UnavailableError
from domain.event import EventKind, ReceivedEvent
from domain.ids import DecisionId, decision_id_of, event_id_of
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

    def look(self, entry: LedgerEntry, visit: Visit) -> None:
        """Keep that somebody, or something, looked at the unsubscribe page: it changes nothing, and tells scanners from people."""
        self.recorder.record(self._clicked(entry, visit, None, {"link_id": UNSUBSCRIBE_LINK, "placement": None, "position": 0}))

    def opened(self, entry: LedgerEntry, visit: Visit, link_id: str) -> None:
        """Keep that a letter was opened: seen in a browser, or its picture loaded."""
        said = {"link_id": link_id, "placement": None, "position": 0}
        self.recorder.record(self._clicked(entry, visit, None, said, EventKind.OPENED))

    def _link(self, click: Click, entry: LedgerEntry | None) -> Link | None:
        send = self.parts.sends.get(entry.send_id) if entry else None
        return self.catalogue.link(send.content_version, click.link_id) if send else None

    def _event(self, click: Click, entry: LedgerEntry, link: Link | None, visit: Visit) -> ReceivedEvent:
        placement = link.placement if link else None
        decision = decision_id_of(entry.send_id, entry.recipient_id, placement, click.position) if placement else None
        return self._clicked(entry, visit, decision, {"link_id": click.link_id, "placement": placement, "position": click.position})

    def _clicked(
        self,
        entry: LedgerEntry,
        visit: Visit,
        decision: DecisionId | None,
        link: Mapping[str, object],
        kind: EventKind = EventKind.CLICKED,
    ) -> ReceivedEvent:
        """One event per message, link, position, visitor and second: a double request is one click, a second visit is another.

        So is that of a scanner which checks a link at the very moment of a click: neither stands for the other.
        """
        at = self.parts.clock()
        said = {**link, **visit.said(self.parts.signer, at)}
        key = "|".join((kind.value, entry.message_id, *map(str, said.values()), f"{at:%Y%m%dT%H%M%S}"))
        return ReceivedEvent(
            event_id=event_id_of(SOURCE, key),
            source=SOURCE,
            kind=kind,
            recipient_id=entry.recipient_id,
            message_id=entry.message_id,
            decision_id=decision,
            occurred_at=at,
            received_at=at,
            raw=orjson.dumps(said).decode(),
            send_id=entry.send_id,
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
