"""Twilio SendGrid: the Event Webhook.

After "Event Webhook Reference" and "Event Webhook Security Features". One post has up to thousands of events. Custom arguments stand at
the top level of each event. SendGrid has been seen to tell one event dozens of times.
"""

import binascii
from base64 import b64decode
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from delivery.webhooks.authentic import from_base64, stale
from delivery.webhooks.bounces import bounce_of
from delivery.webhooks.listing import heard_by, if_unknown, suppression_of
from delivery.webhooks.posts import Forged, Provider, RawPost, Secrets, Verdict, Verified
from delivery.webhooks.values import address_of, at, instant, key_of, our_id, word, words
from domain.bounce import Bounce, BounceCause, BounceClass
from domain.event import EventKind, Heard
from domain.message import SuppressionReason

SIGNATURE, STAMP = "x-twilio-email-event-webhook-signature", "x-twilio-email-event-webhook-timestamp"
OLDEST = timedelta(hours=25)  # SendGrid repeats for 24 hours

KINDS: Mapping[str, EventKind] = {
    "processed": EventKind.ACCEPTED,
    "dropped": EventKind.DROPPED,
    "delivered": EventKind.DELIVERED,
    "deferred": EventKind.DEFERRED,
    "bounce": EventKind.BOUNCED,
    "blocked": EventKind.BOUNCED,
    "open": EventKind.OPENED,
    "click": EventKind.CLICKED,
    "spamreport": EventKind.COMPLAINED,
    "unsubscribe": EventKind.UNSUBSCRIBED,
    "group_unsubscribe": EventKind.UNSUBSCRIBED,
    "group_resubscribe": EventKind.RESUBSCRIBED,
}
_BOUNCES: Mapping[str, BounceClass] = {
    "bounce": BounceClass.HARD,
    "blocked": BounceClass.SOFT,
}  # by `type`
_CAUSES: Mapping[str, BounceCause] = {  # by `bounce_classification`; the others say too little
    "invalid address": BounceCause.NO_MAILBOX,
    "content": BounceCause.SPAM,
    "reputation": BounceCause.REPUTATION,
    "frequency or volume too high": BounceCause.RATE,
}
_DROPPED: Mapping[str, SuppressionReason] = {  # by the beginning of `reason`: SendGrid's own lists
    "bounced address": SuppressionReason.HARD_BOUNCED,
    "invalid": SuppressionReason.HARD_BOUNCED,
    "unsubscribed address": SuppressionReason.UNSUBSCRIBED,
    "spam reporting address": SuppressionReason.COMPLAINED,
}


def verify(post: RawPost, secrets: Secrets, at: datetime) -> Verdict:
    """ECDSA on P-256 with SHA-256 over the time stamp and the raw body. A secret is the verification key, as SendGrid shows it."""
    stamp, told = post.headers.get(STAMP), post.headers.get(SIGNATURE)
    if not stamp or not told:
        return Forged("no signature")
    if fault := stale(stamp, at, OLDEST):
        return Forged(fault)
    signature = from_base64(told)
    if signature is None:
        return Forged("the signature cannot be read")
    signed = stamp.encode() + post.body
    return Verified() if any(_is_by(key, signature, signed) for key in secrets.texts) else Forged("the signature is wrong")


def _is_by(secret: str, signature: bytes, signed: bytes) -> bool:
    key = _key(secret)
    try:
        return key is not None and key.verify(signature, signed, ec.ECDSA(hashes.SHA256())) is None
    except InvalidSignature:
        return False


@lru_cache(maxsize=64)
def _key(secret: str) -> ec.EllipticCurvePublicKey | None:
    """The key of base64, with or without the lines of PEM around it."""
    inner = "".join(line for line in secret.replace("\\n", "\n").splitlines() if "-----" not in line)
    try:
        key = load_der_public_key(b64decode(inner, validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, ec.EllipticCurvePublicKey) else None


def understand(post: RawPost) -> Iterator[Heard]:
    """The events of a post."""
    return heard_by(post.body, _heard)


def _heard(event: Any, raw: str) -> Heard:
    told = words(event, "event")
    kind = KINDS.get(told, EventKind.UNKNOWN)
    own, bounce = word(event, "sg_event_id"), _bounce(event, kind)
    machine = at(event, "sg_machine_open")
    return Heard(
        kind=kind,
        # The name beside the id: an id that SendGrid's own documentation uses for all events must not make one of them all.
        key=f"{own}|{told}" if own else key_of("no id", raw),
        raw=raw,
        occurred_at=instant(at(event, "timestamp")),
        message_id=our_id(event, at(event, "smtp-id")),
        esp_message_id=_taken_as(event),
        address=address_of(at(event, "email")),
        bounce=bounce,
        reason=word(event, "reason") or word(event, "response") or if_unknown(kind, told),
        url=word(event, "url", longest=4_096),
        machine=machine if isinstance(machine, bool) else None,
        user_agent=word(event, "useragent"),
        ip=word(event, "ip"),
        suppresses=_suppresses(event, kind, bounce),
    )


def _taken_as(event: Any) -> str | None:
    """The X-Message-Id that a letter was taken under: `sg_message_id` as far as its first dot."""
    return (word(event, "sg_message_id") or "").partition(".")[0] or None


def _bounce(event: Any, kind: EventKind) -> Bounce | None:
    if kind not in (EventKind.BOUNCED, EventKind.DEFERRED):
        return None
    verdict = BounceClass.SOFT if kind is EventKind.DEFERRED else _BOUNCES.get(words(event, "type") or words(event, "event"))
    said = word(event, "reason", longest=2_000) or word(event, "response", longest=2_000)
    return bounce_of(said, status=word(event, "status"), verdict=verdict, cause=_CAUSES.get(words(event, "bounce_classification")))


def _suppresses(event: Any, kind: EventKind, bounce: Bounce | None) -> SuppressionReason | None:
    if kind is EventKind.DROPPED:
        reason = words(event, "reason")
        return next((why for beginning, why in _DROPPED.items() if reason.startswith(beginning) and "smtpapi" not in reason), None)
    return suppression_of(kind, bounce)


PROVIDER = Provider("sendgrid", "the verification key of the signed Event Webhook", verify, understand)
