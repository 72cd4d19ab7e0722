"""Brevo: transactional webhooks, one event per post or in batches.

After "Transactional webhooks" and "Secure your webhook calls". Brevo signs nothing: posts carry a user name and password, a token or a
header. No event has an id, and `date` is in the time zone of the account: `ts_epoch` and `ts_event` are not.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from delivery.webhooks.authentic import by_password
from delivery.webhooks.bounces import bounce_of
from delivery.webhooks.listing import heard_by, if_unknown, suppression_of
from delivery.webhooks.posts import Provider, RawPost
from delivery.webhooks.values import UNREADABLE, address_of, at, document_of, first_instant, key_of, our_id, word, words
from domain.bounce import BounceClass
from domain.event import EventKind, Heard
from domain.message import SuppressionReason

KINDS: Mapping[str, EventKind] = {
    "request": EventKind.ACCEPTED,
    "sent": EventKind.ACCEPTED,
    "delivered": EventKind.DELIVERED,
    "deferred": EventKind.DEFERRED,
    "soft_bounce": EventKind.BOUNCED,
    "hard_bounce": EventKind.BOUNCED,
    "blocked": EventKind.DROPPED,
    "invalid_email": EventKind.DROPPED,
    "error": EventKind.DROPPED,
    "complaint": EventKind.COMPLAINED,
    "spam": EventKind.COMPLAINED,
    "unsubscribed": EventKind.UNSUBSCRIBED,
    "opened": EventKind.OPENED,
    "unique_opened": EventKind.OPENED,
    "proxy_open": EventKind.OPENED,
    "unique_proxy_open": EventKind.OPENED,
    "click": EventKind.CLICKED,
}
_BOUNCES: Mapping[str, BounceClass] = {"hard_bounce": BounceClass.HARD, "soft_bounce": BounceClass.SOFT, "deferred": BounceClass.SOFT}
_OTHER_NAMES: Mapping[str, str] = {
    "hardbounce": "hard_bounce",
    "softbounce": "soft_bounce",
    "uniqueopened": "unique_opened",
    "first_opening": "unique_opened",
    "loaded_by_proxy": "proxy_open",  # as its API's reports call it
    "loadedbyproxy": "proxy_open",
    "unsubscribe": "unsubscribed",  # as its webhooks of campaigns call it
}
_PROXIES = frozenset({"proxy_open", "unique_proxy_open"})
_BLOCKED: Mapping[str, SuppressionReason] = {  # a word of the reason for which Brevo did not send
    "unsubscribed": SuppressionReason.UNSUBSCRIBED,
    "hard bounce": SuppressionReason.HARD_BOUNCED,
    "hardbounce": SuppressionReason.HARD_BOUNCED,
    "complain": SuppressionReason.COMPLAINED,
    "spam": SuppressionReason.COMPLAINED,
}


def understand(post: RawPost) -> Iterator[Heard]:
    """The events of a post."""
    return heard_by(post.body, _heard)


def _heard(event: Any, raw: str) -> Heard:
    told = _OTHER_NAMES.get(words(event, "event"), words(event, "event"))
    kind = KINDS.get(told, EventKind.UNKNOWN)
    bounce = bounce_of(word(event, "reason", longest=2_000), verdict=_BOUNCES[told]) if told in _BOUNCES else None
    return Heard(
        kind=kind,
        key=_key(event, kind, raw),
        raw=raw,
        occurred_at=first_instant(*(at(event, name) for name in ("ts_epoch", "ts_event", "ts"))),
        message_id=our_id(_custom(event), at(event, "message-id")),
        esp_message_id=word(event, "message-id"),
        address=address_of(at(event, "email")),
        bounce=bounce,
        reason=word(event, "reason") or if_unknown(kind, told),
        url=word(event, "link", longest=4_096),
        machine=True if told in _PROXIES else None,
        user_agent=word(event, "user_agent"),
        ip=word(event, "ip"),
        suppresses=_dropped(event, told) or suppression_of(kind, bounce),
    )


def _custom(event: Any) -> Any:
    """X-Mailin-custom, which we send as an object."""
    told = at(event, "X-Mailin-custom") or at(event, "x-mailin-custom")
    custom = document_of(told) if isinstance(told, str) else told
    return told if custom is UNREADABLE else custom


def _dropped(event: Any, told: str) -> SuppressionReason | None:
    if told == "invalid_email":
        return SuppressionReason.HARD_BOUNCED
    reason = words(event, "reason")
    return next((why for part, why in _BLOCKED.items() if part in reason), None) if told == "blocked" else None


def _key(event: Any, kind: EventKind, raw: str) -> str:
    """Of the kind, not the name: a first opening is told as `opened` and as `unique_opened`."""
    when = at(event, "ts_epoch") or at(event, "ts_event") or at(event, "ts")
    if kind is EventKind.UNKNOWN or when is None or word(event, "message-id") is None:
        return key_of("no id", raw)
    return key_of(kind.value, at(event, "message-id"), at(event, "email"), when, at(event, "link"))


PROVIDER = Provider("brevo", "user:password, a token, or X-Name=value of a header of your own", by_password, understand, signs=False)
