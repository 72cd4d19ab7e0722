"""Mailjet: the Event API, one event per post or grouped.

After "Event API" and its table of error messages. Mailjet signs nothing: posts carry the password of the webhook's address. No event has
an id.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from delivery.webhooks.authentic import by_password
from delivery.webhooks.bounces import bounce_of
from delivery.webhooks.listing import heard_by, if_unknown, suppression_of
from delivery.webhooks.posts import Provider, RawPost
from delivery.webhooks.values import UNREADABLE, address_of, at, document_of, first_instant, key_of, our_id, word, words
from domain.bounce import Bounce, BounceCause, BounceClass
from domain.event import EventKind, Heard
from domain.message import SuppressionReason

KINDS: Mapping[str, EventKind] = {
    "sent": EventKind.DELIVERED,  # told with the receiving server's yes
    "bounce": EventKind.BOUNCED,
    "blocked": EventKind.DROPPED,
    "spam": EventKind.COMPLAINED,
    "open": EventKind.OPENED,
    "click": EventKind.CLICKED,
    "unsub": EventKind.UNSUBSCRIBED,
}
_ERRORS: Mapping[str, tuple[BounceClass, BounceCause]] = {
    "user unknown": (BounceClass.HARD, BounceCause.NO_MAILBOX),
    "mailbox inactive": (BounceClass.HARD, BounceCause.INACTIVE),
    "quota exceeded": (BounceClass.SOFT, BounceCause.FULL),
    "mailbox full": (BounceClass.SOFT, BounceCause.FULL),
    "invalid domain": (BounceClass.HARD, BounceCause.NO_DOMAIN),
    "no mail host": (BounceClass.HARD, BounceCause.NO_DOMAIN),
    "relay/access denied": (BounceClass.BLOCKED, BounceCause.POLICY),
    "greylisted": (BounceClass.SOFT, BounceCause.RATE),
    "typofix": (BounceClass.HARD, BounceCause.NO_DOMAIN),
    "policy issue": (BounceClass.BLOCKED, BounceCause.POLICY),
    "content blocked": (BounceClass.BLOCKED, BounceCause.SPAM),
    "sender blocked": (BounceClass.BLOCKED, BounceCause.REPUTATION),
    "bad or empty template": (BounceClass.BLOCKED, BounceCause.PROTOCOL),
    "error in template language": (BounceClass.BLOCKED, BounceCause.PROTOCOL),
    "system issue": (BounceClass.SOFT, BounceCause.FAILING),
    "protocol issue": (BounceClass.BLOCKED, BounceCause.PROTOCOL),
    "connection issue": (BounceClass.SOFT, BounceCause.UNREACHABLE),
}
_LISTED = frozenset({"user unknown", "mailbox inactive", "preblocked"})  # blocked for what the address did before: Mailjet will not send


def understand(post: RawPost) -> Iterator[Heard]:
    """The events of a post."""
    return heard_by(post.body, _heard)


def _heard(event: Any, raw: str) -> Heard:
    told = words(event, "event")
    kind = KINDS.get(told, EventKind.UNKNOWN)
    bounce = _bounce(event) if kind is EventKind.BOUNCED else None
    listed = kind is EventKind.DROPPED and (words(event, "error") in _LISTED or at(event, "hard_bounce") is True)
    return Heard(
        kind=kind,
        key=_key(event, told, raw),
        raw=raw,
        occurred_at=first_instant(at(event, "time")),
        message_id=our_id(at(event, "CustomID"), _payload(event)),
        esp_message_id=word(event, "MessageID"),
        address=address_of(at(event, "email")),
        bounce=bounce,
        reason=word(event, "error") or word(event, "error_related_to") or if_unknown(kind, told),
        url=word(event, "url", longest=4_096),
        user_agent=word(event, "agent"),
        ip=word(event, "ip"),
        suppresses=SuppressionReason.HARD_BOUNCED if listed else suppression_of(kind, bounce),
    )


def _payload(event: Any) -> Any:
    """What was sent as EventPayload, if it is an object."""
    payload = document_of(word(event, "Payload", longest=4_096) or "")
    return None if payload is UNREADABLE else payload


def _bounce(event: Any) -> Bounce:
    verdict, cause = _ERRORS.get(words(event, "error")) or _ERRORS.get(words(event, "error_related_to")) or (None, None)
    if at(event, "hard_bounce") is True:
        verdict = BounceClass.HARD
    elif at(event, "hard_bounce") is False and verdict in (None, BounceClass.HARD):
        verdict = BounceClass.SOFT
    return bounce_of(word(event, "comment", longest=2_000), verdict=verdict, cause=cause)


def _key(event: Any, told: str, raw: str) -> str:
    if word(event, "MessageID") is None or word(event, "time") is None:
        return key_of("no id", raw)
    return key_of(told, *(at(event, name) for name in ("MessageID", "time", "email", "url", "ip", "agent")))


PROVIDER = Provider("mailjet", "user:password of the webhook's address", by_password, understand, signs=False)
