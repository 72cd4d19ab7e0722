"""Mailgun: webhooks, as JSON and in the older form.

After "Webhooks", "Event structure" and "Securing webhooks". The signature is over a time stamp and a token, not over the event: who
sees one post could put its signature on another event. So a token vouches for the event that it first came with, and for no
other (`Verified.token`).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from hmac import digest
from typing import Any

from delivery.webhooks.authentic import any_same, stale
from delivery.webhooks.bounces import bounce_of
from delivery.webhooks.listing import TOO_DEEP, heard_by, if_unknown, suppression_of
from delivery.webhooks.posts import ONE, Forged, Provider, RawPost, Secrets, Verdict, Verified
from delivery.webhooks.values import address_of, at, document_of, first_instant, items_of, key_of, our_id, raw_of, word, words
from domain.bounce import Bounce, BounceCause, BounceClass
from domain.event import EventKind, Heard
from domain.message import SuppressionReason

OLDEST = timedelta(hours=9)  # Mailgun repeats for 8 hours

KINDS: Mapping[str, EventKind] = {
    "accepted": EventKind.ACCEPTED,
    "delivered": EventKind.DELIVERED,
    "failed": EventKind.BOUNCED,  # if `severity` is not temporary
    "rejected": EventKind.DROPPED,
    "opened": EventKind.OPENED,
    "clicked": EventKind.CLICKED,
    "complained": EventKind.COMPLAINED,
    "unsubscribed": EventKind.UNSUBSCRIBED,
    # of the older form
    "bounced": EventKind.BOUNCED,
    "dropped": EventKind.DROPPED,
}
_LISTS: Mapping[str, SuppressionReason] = {  # by `reason` of a failure, or the older form's code: Mailgun's own lists
    "suppress-bounce": SuppressionReason.HARD_BOUNCED,
    "suppress-unsubscribe": SuppressionReason.UNSUBSCRIBED,
    "suppress-complaint": SuppressionReason.COMPLAINED,
    "605": SuppressionReason.HARD_BOUNCED,
    "606": SuppressionReason.UNSUBSCRIBED,
    "607": SuppressionReason.COMPLAINED,
}
_REASONS: Mapping[str, tuple[BounceClass, BounceCause | None]] = {  # of a failure for good
    "bounce": (BounceClass.HARD, None),
    "hardfail": (BounceClass.HARD, None),
    "old": (BounceClass.SOFT, BounceCause.UNREACHABLE),  # tried for as long as Mailgun tries
    "espblock": (BounceClass.BLOCKED, BounceCause.REPUTATION),
    "blocked": (BounceClass.BLOCKED, BounceCause.REPUTATION),
    "greylisted": (BounceClass.SOFT, BounceCause.RATE),
}
_NO_MAILBOX = frozenset({"550", "551", "553"})  # SMTP's codes for it (RFC 5321 §4.2.3), where Mailgun gave up and does not say why
_OLD_NAMES: Mapping[str, tuple[str, ...]] = {  # of the older form: field → where its value stands today
    "event": ("event",),
    "recipient": ("recipient",),
    "url": ("url",),
    "ip": ("ip",),
    "reason": ("reason",),
    "user-agent": ("client-info", "user-agent"),
    "bot": ("client-info", "bot"),
    "code": ("delivery-status", "code"),
    "error": ("delivery-status", "message"),
    "description": ("delivery-status", "description"),
    "Message-Id": ("message", "headers", "message-id"),
    "message-id": ("message", "headers", "message-id"),
    "timestamp": ("timestamp",),
    "token": ("id",),
}


def verify(post: RawPost, secrets: Secrets, at: datetime) -> Verdict:
    """HMAC-SHA256 over time stamp and token. A secret is the HTTP webhook signing key."""
    document = _document(post)
    stamp, token, told = (word(document, "signature", name) for name in ("timestamp", "token", "signature"))
    if stamp is None or token is None or told is None:
        return Forged("no signature")
    if fault := stale(stamp, at, OLDEST):
        return Forged(fault)
    if not any_same(told, [digest(key.encode(), f"{stamp}{token}".encode("utf-8", "replace"), "sha256").hex() for key in secrets.texts]):
        return Forged("the signature is wrong")
    try:
        return Verified(token=token, about=_key(document.get("event-data"), raw_of(document.get("event-data"))))
    except RecursionError:
        return Forged(TOO_DEEP)


def understand(post: RawPost) -> Iterator[Heard]:
    """The event of a post."""
    return heard_by(raw_of(_document(post)).encode() if post.is_form else post.body, _heard, _items)


def _document(post: RawPost) -> dict[str, Any]:
    """The document; one in the older form is put into today's, its own variables beside."""
    if not post.is_form:
        document = document_of(post.body)
        return document if isinstance(document, dict) else {}
    form = post.form()
    event: dict[str, Any] = {"user-variables": {name: value for name, value in form.items() if name not in _OLD_NAMES}}
    for name, path in _OLD_NAMES.items():
        if form.get(name):
            place = event
            for step in path[:-1]:
                place = place.setdefault(step, {})
            place[path[-1]] = form[name]
    return {"signature": {name: form.get(name, "") for name in ("timestamp", "token", "signature")}, "event-data": event}


def _items(document: Any) -> list[Any]:
    """What was told, without the signature that vouched for it."""
    return [{"event-data": item["event-data"]} if isinstance(item, dict) and "event-data" in item else item for item in items_of(document)]


def _heard(told: Any, raw: str) -> Heard:
    event = told.get("event-data", told)
    name = words(event, "event")
    kind = KINDS.get(name, EventKind.UNKNOWN)
    if name == "failed" and words(event, "severity") == "temporary":
        kind = EventKind.DEFERRED
    listed = _listed(event) if kind in (EventKind.BOUNCED, EventKind.DROPPED) else None
    kind = EventKind.DROPPED if listed else kind
    bounce, bot = _bounce(event, kind), word(event, "client-info", "bot")
    return Heard(
        kind=kind,
        key=_key(event, raw),
        raw=raw,
        occurred_at=first_instant(at(event, "timestamp")),
        message_id=our_id(at(event, "user-variables"), at(event, "message", "headers", "message-id")),
        esp_message_id=word(event, "message", "headers", "message-id"),
        address=address_of(at(event, "recipient")),
        bounce=bounce,
        reason=word(event, "reason") or word(event, "reject", "reason") or if_unknown(kind, name),
        url=word(event, "url", longest=4_096),
        machine=None if at(event, "client-info") is None else bot is not None,
        user_agent=word(event, "client-info", "user-agent"),
        ip=word(event, "ip"),
        suppresses=listed or suppression_of(kind, bounce),
    )


def _key(event: Any, raw: str) -> str:
    """Mailgun's id with its time stamp, because ids come back after a day."""
    own = word(event, "id")
    return f"{own}|{word(event, 'timestamp') or ''}|{words(event, 'event')}" if own else key_of("no id", raw)


def _listed(event: Any) -> SuppressionReason | None:
    return _LISTS.get(words(event, "reason")) or _LISTS.get(words(event, "delivery-status", "code"))


def _bounce(event: Any, kind: EventKind) -> Bounce | None:
    if kind not in (EventKind.BOUNCED, EventKind.DEFERRED):
        return None
    status = at(event, "delivery-status")
    said = " ".join(filter(None, (word(status, name, longest=1_000) for name in ("code", "message", "description"))))
    verdict, cause = _REASONS.get(words(event, "reason"), (_otherwise(event), None))
    return bounce_of(
        said, status=word(status, "enhanced-code"), verdict=BounceClass.SOFT if kind is EventKind.DEFERRED else verdict, cause=cause
    )


def _otherwise(event: Any) -> BounceClass | None:
    """The class of a failure for good whose `reason` tells nothing, as `generic` does."""
    is_hard = words(event, "event") == "bounced" or words(event, "delivery-status", "code") in _NO_MAILBOX
    return BounceClass.HARD if is_hard else None


PROVIDER = Provider("mailgun", "the HTTP webhook signing key", verify, understand, most=ONE)
