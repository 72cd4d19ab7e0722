"""Mailchimp Transactional (Mandrill): webhooks in batches.

After "Track Respond to Webhooks" and "Authenticating webhook requests". A post is a form whose field `mandrill_events` is a JSON list. The
signature is over the webhook's own address and the form's fields in the order of their names.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import datetime
from hmac import digest
from typing import Any

from delivery.webhooks.authentic import any_same
from delivery.webhooks.bounces import bounce_of
from delivery.webhooks.listing import heard_by, if_unknown, suppression_of
from delivery.webhooks.posts import Forged, Provider, RawPost, Secrets, Verdict, Verified
from delivery.webhooks.values import UNREADABLE, address_of, at, document_of, first_instant, items_of, key_of, listed, our_id, word, words
from domain.bounce import Bounce, BounceClass
from domain.event import EventKind, Heard
from domain.message import SuppressionReason

FIELD, SIGNATURE = "mandrill_events", "x-mandrill-signature"

KINDS: Mapping[str, EventKind] = {
    "send": EventKind.ACCEPTED,
    "delivered": EventKind.DELIVERED,
    "deferral": EventKind.DEFERRED,
    "soft_bounce": EventKind.BOUNCED,
    "hard_bounce": EventKind.BOUNCED,
    "reject": EventKind.DROPPED,
    "spam": EventKind.COMPLAINED,
    "unsub": EventKind.UNSUBSCRIBED,
    "open": EventKind.OPENED,
    "click": EventKind.CLICKED,
}
_BOUNCES: Mapping[str, BounceClass] = {"hard_bounce": BounceClass.HARD, "soft_bounce": BounceClass.SOFT, "deferral": BounceClass.SOFT}
_REJECTS: Mapping[str, SuppressionReason] = {  # by `reject.reason`: Mandrill's own list
    "hard-bounce": SuppressionReason.HARD_BOUNCED,
    "spam": SuppressionReason.COMPLAINED,
    "unsub": SuppressionReason.UNSUBSCRIBED,
}


def verify(post: RawPost, secrets: Secrets, at: datetime) -> Verdict:  # noqa: ARG001 - nothing that is signed tells when
    """HMAC-SHA1 over the address and the form. A secret is the webhook's key."""
    told = post.headers.get(SIGNATURE)
    if not told:
        return Forged("no signature")
    signed = post.url + "".join(name + value for name, value in sorted(post.form().items()))
    right = [b64encode(digest(key.encode(), signed.encode("utf-8", "replace"), "sha1")) for key in secrets.texts]
    return Verified() if any_same(told, right) else Forged("the signature is wrong")


def understand(post: RawPost) -> Iterator[Heard]:
    """The events of a form, or of its field alone."""
    inner = post.form().get(FIELD) if post.is_form or post.body.startswith(FIELD.encode()) else None
    return heard_by(post.body if inner is None else inner.encode("utf-8", "replace"), _heard, _items)


def _items(document: Any) -> list[Any]:
    """Of a document with the field in it, whose value may be JSON within JSON, or nothing of the kind."""
    events = at(document, FIELD)
    inner = document_of(events) if isinstance(events, str) else UNREADABLE
    return items_of(inner if inner is not UNREADABLE else document if events is None else events)


def _heard(event: Any, raw: str) -> Heard:
    told = words(event, "event")
    kind, message = KINDS.get(told, EventKind.UNKNOWN), at(event, "msg")
    bounce = _bounce(message, told)
    return Heard(
        kind=kind,
        key=_key(event, told, raw),
        raw=raw,
        occurred_at=first_instant(at(event, "ts"), at(message, "ts")),
        message_id=our_id(*listed(message, "metadata")),
        esp_message_id=word(message, "_id") or word(event, "_id"),
        address=address_of(at(message, "email")),
        bounce=bounce,
        reason=word(message, "reject", "reason") or word(message, "bounce_description") or if_unknown(kind, told),
        url=word(event, "url", longest=4_096) or (_last_click(message) if kind is EventKind.CLICKED else None),
        user_agent=word(event, "user_agent"),
        ip=word(event, "ip"),
        suppresses=_REJECTS.get(words(message, "reject", "reason")) if kind is EventKind.DROPPED else suppression_of(kind, bounce),
    )


def _last_click(message: Any) -> str | None:
    clicks = listed(message, "clicks")
    return word(clicks[-1], "url", longest=4_096) if clicks else None


def _bounce(message: Any, told: str) -> Bounce | None:
    if told not in _BOUNCES:
        return None
    said = " ".join(filter(None, (word(message, name, longest=1_000) for name in ("diag", "bounce_description"))))
    return bounce_of(said.replace("_", " "), verdict=_BOUNCES[told])


def _key(event: Any, told: str, raw: str) -> str:
    own = word(event, "_id") or word(event, "msg", "_id")
    if own is None or told not in KINDS:
        return key_of("no id", raw)
    return key_of(told, own, at(event, "ts"), at(event, "url"), at(event, "ip"), at(event, "user_agent"))


PROVIDER = Provider("mailchimp", "the webhook's key", verify, understand)
