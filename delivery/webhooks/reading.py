"""Understanding what waits in the inbox: posts are read, and their events stored with what follows from them.

Called by the HTTP process in the background, and by whoever else wants the inbox empty. Several may be at it at once: an event is
stored once.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from delivery.webhooks.listing import unknown
from delivery.webhooks.posts import RawPost
from delivery.webhooks.providers import provider_named
from delivery.webhooks.values import raw_text
from domain.errors import RefusedValueError
from domain.event import Heard
from domain.webhook import StoredTelling, Told, WaitingPost

_log = logging.getLogger(__name__)
SLICE = 500  # events in one transaction: others that want to write wait for no more


class Inbox(Protocol):
    """Where posts wait."""

    def waiting(self) -> Sequence[WaitingPost]:
        """Those that have waited longest, as many as can be held at once."""
        ...

    def store(self, told: Sequence[Told], finished: Collection[str], at: datetime) -> StoredTelling:
        """Store events, each once, and note that these posts are understood, in one transaction."""
        ...


def understand_waiting(inbox: Inbox, clock: Callable[[], datetime]) -> StoredTelling | None:
    """Understand some of what waits; None if nothing did. Call it again until it says so.

    A post of many events is stored in several transactions and is understood with the last of them; a crash in between leaves it
    waiting, and the events that are there already are left out when it is read again.
    """
    posts = inbox.waiting()
    stored, told, finished = StoredTelling(), list[Told](), list[str]()
    for post in posts:
        for one in _told(post):
            told.append(one)
            if len(told) >= SLICE:
                stored += _stored(inbox, told, finished, clock())
                told, finished = [], []
        finished.append(post.post_id)
    return stored + _stored(inbox, told, finished, clock()) if posts else None


def _stored(inbox: Inbox, told: Sequence[Told], finished: Collection[str], at: datetime) -> StoredTelling:
    """Store these. One that the database does not take must not hold up all that waits behind it; any other fault is none of theirs,
    and they wait: what is kept as unknown suppresses nobody."""
    try:
        return inbox.store(told, finished, at)
    except RefusedValueError as error:
        _log.error("events could not be stored together: %s", error.what)
    stored = StoredTelling()
    for one in told:
        stored += _stored_alone(inbox, one, at)
    return stored + inbox.store((), finished, at)


def _stored_alone(inbox: Inbox, told: Told, at: datetime) -> StoredTelling:
    try:
        return inbox.store((told,), (), at)
    except RefusedValueError as error:
        _log.error("an event of %s could not be stored: %s", told.provider, error.what)
    plain = told.heard.raw.encode("ascii", "backslashreplace").decode().replace("\x00", "")
    return inbox.store((replace(told, heard=unknown(plain, "could not be stored")),), (), at)


def _told(post: WaitingPost) -> Iterator[Told]:
    for heard in _heard(post):
        yield Told(heard, post.provider, post.account, post.received_at)


def _heard(post: WaitingPost) -> Iterator[Heard]:
    provider = provider_named(post.provider)
    if provider is None:  # of a version that knew more providers
        yield unknown(raw_text(post.body), "a provider that is not known here")
        return
    try:
        yield from provider.understand(RawPost(post.headers, post.body))
    except Exception as error:  # a fault of ours must not hold up all that waits behind it; the payload is kept
        _log.exception("a post of %s could not be read: %s", provider.name, type(error).__name__, exc_info=False)
        yield unknown(raw_text(post.body), "could not be read")
