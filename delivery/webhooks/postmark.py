"""Postmark: webhooks of every record type.

After "Webhooks overview", its pages per record type, and "Bounce types". Postmark signs nothing: posts carry a password or a header that
was set up with the webhook. Only bounces and complaints have an id.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from delivery.webhooks.authentic import by_password
from delivery.webhooks.bounces import bounce_of
from delivery.webhooks.listing import heard_by, if_unknown, suppression_of
from delivery.webhooks.posts import Provider, RawPost
from delivery.webhooks.values import address_of, at, first_instant, key_of, our_id, word, words
from domain.bounce import Bounce, BounceCause, BounceClass
from domain.event import EventKind, Heard
from domain.message import SuppressionReason

KINDS: Mapping[str, EventKind] = {
    "delivery": EventKind.DELIVERED,
    "bounce": EventKind.BOUNCED,  # by `Type`, below
    "spamcomplaint": EventKind.COMPLAINED,
    "open": EventKind.OPENED,
    "click": EventKind.CLICKED,
    "subscriptionchange": EventKind.UNSUBSCRIBED,  # by `SuppressionReason`, below
}
_TYPES: Mapping[str, tuple[EventKind, BounceClass | None, BounceCause | None]] = {
    "hardbounce": (EventKind.BOUNCED, BounceClass.HARD, None),
    "bademailaddress": (EventKind.BOUNCED, BounceClass.HARD, BounceCause.NO_MAILBOX),
    "softbounce": (EventKind.BOUNCED, BounceClass.SOFT, None),
    "dnserror": (EventKind.BOUNCED, BounceClass.SOFT, BounceCause.UNREACHABLE),
    "undeliverable": (EventKind.BOUNCED, BounceClass.SOFT, None),
    "blocked": (EventKind.BOUNCED, BounceClass.BLOCKED, BounceCause.REPUTATION),
    "spamnotification": (EventKind.BOUNCED, BounceClass.BLOCKED, BounceCause.SPAM),
    "virusnotification": (EventKind.BOUNCED, BounceClass.BLOCKED, BounceCause.SPAM),
    "dmarcpolicy": (EventKind.BOUNCED, BounceClass.BLOCKED, BounceCause.AUTHENTICATION),
    "challengeverification": (EventKind.BOUNCED, BounceClass.BLOCKED, BounceCause.POLICY),
    "unknown": (EventKind.BOUNCED, None, None),
    "transient": (EventKind.DEFERRED, BounceClass.SOFT, None),
    "smtpapierror": (EventKind.DROPPED, None, None),
    "templaterenderingfailed": (EventKind.DROPPED, None, None),
    "manuallydeactivated": (EventKind.DROPPED, None, None),
    "spamcomplaint": (EventKind.COMPLAINED, None, None),
    "unsubscribe": (EventKind.UNSUBSCRIBED, None, None),
    "subscribe": (EventKind.RESUBSCRIBED, None, None),
    # Somebody or something answered; the letter arrived.
    **dict.fromkeys(("autoresponder", "addresschange", "openrelaytest", "unconfirmed", "inbounderror"), (EventKind.UNKNOWN, None, None)),
}
_CODES: Mapping[str, str] = {  # `TypeCode` → `Type`
    **{"1": "hardbounce", "2": "transient", "16": "unsubscribe", "32": "subscribe", "64": "autoresponder", "128": "addresschange"},
    **{"256": "dnserror", "512": "spamnotification", "1024": "openrelaytest", "2048": "unknown", "4096": "softbounce"},
    **{"8192": "virusnotification", "16384": "challengeverification", "100000": "bademailaddress", "100001": "spamcomplaint"},
    **{"100002": "manuallydeactivated", "100003": "unconfirmed", "100006": "blocked", "100007": "smtpapierror"},
    **{"100008": "inbounderror", "100009": "dmarcpolicy", "100010": "templaterenderingfailed"},
}
_DEACTIVATED: Mapping[str, EventKind] = {"hardbounce": EventKind.BOUNCED, "spamcomplaint": EventKind.COMPLAINED}
"""Why sending to somebody was stopped, if it was not their wish. The bounce itself is told too; letters are counted once per kind."""


def understand(post: RawPost) -> Iterator[Heard]:
    """The event of a post."""
    return heard_by(post.body, _heard)


def _heard(event: Any, raw: str) -> Heard:
    record = words(event, "RecordType")
    kind, verdict, cause = _kind(event, record)
    bounce = _bounce(event, record, verdict, cause) if kind in (EventKind.BOUNCED, EventKind.DEFERRED) else None
    return Heard(
        kind=kind,
        key=_key(event, record, raw),
        raw=raw,
        occurred_at=first_instant(*(at(event, name) for name in ("BouncedAt", "DeliveredAt", "ReceivedAt", "ChangedAt"))),
        message_id=our_id(at(event, "Metadata")),
        esp_message_id=word(event, "MessageID"),
        address=address_of(at(event, "Email")) or address_of(at(event, "Recipient")),
        bounce=bounce,
        reason=word(event, "Type") or word(event, "SuppressionReason") or if_unknown(kind, record),
        url=word(event, "OriginalLink", longest=4_096),
        user_agent=word(event, "UserAgent"),
        ip=word(event, "Geo", "IP"),
        suppresses=_suppresses(event, kind, bounce),
    )


def _kind(event: Any, record: str) -> tuple[EventKind, BounceClass | None, BounceCause | None]:
    if record == "bounce":
        told = words(event, "Type") or _CODES.get(words(event, "TypeCode"), "")
        return _TYPES.get(told, (EventKind.BOUNCED, None, None))
    if record == "subscriptionchange":
        if at(event, "SuppressSending") is False:
            return EventKind.RESUBSCRIBED, None, None
        return _DEACTIVATED.get(words(event, "SuppressionReason"), EventKind.UNSUBSCRIBED), BounceClass.HARD, None
    return KINDS.get(record, EventKind.UNKNOWN), None, None


def _bounce(event: Any, record: str, verdict: BounceClass | None, cause: BounceCause | None) -> Bounce:
    said = " ".join(filter(None, (word(event, name, longest=1_000) for name in ("Details", "Description")))) if record == "bounce" else ""
    return bounce_of(said, verdict=verdict, cause=cause)


def _suppresses(event: Any, kind: EventKind, bounce: Bounce | None) -> SuppressionReason | None:
    """Postmark sends no more to somebody it has made inactive."""
    gone = kind is EventKind.BOUNCED and at(event, "Inactive") is True and bounce is not None and bounce.kind is not BounceClass.BLOCKED
    return SuppressionReason.HARD_BOUNCED if gone else suppression_of(kind, bounce)


def _key(event: Any, record: str, raw: str) -> str:
    if own := word(event, "ID"):
        return f"{record}|{own}|{word(event, 'MessageID') or ''}"
    if not word(event, "MessageID"):
        return key_of("no id", raw)
    times = (at(event, name) for name in ("DeliveredAt", "ReceivedAt", "ChangedAt"))
    return key_of(record, at(event, "MessageID"), at(event, "Recipient"), *times, at(event, "OriginalLink"), at(event, "Geo", "IP"))


PROVIDER = Provider("postmark", "user:password, or X-Name=value of a header of your own", by_password, understand, signs=False)
