"""Resend: webhooks, signed by Svix.

After "Event Types" and "Verify Webhooks Requests"; Svix "Verifying Webhooks Manually" (also published as Standard Webhooks, whose headers
begin with `webhook-` instead of `svix-`).
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from hmac import digest
from typing import Any

from delivery.webhooks.authentic import any_same, stale
from delivery.webhooks.bounces import bounce_of
from delivery.webhooks.listing import heard_by, if_unknown, suppression_of
from delivery.webhooks.posts import Forged, Provider, RawPost, Secrets, Verdict, Verified
from delivery.webhooks.values import address_of, at, first_instant, key_of, listed, our_id, word, words
from domain.bounce import Bounce, BounceCause, BounceClass
from domain.event import EventKind, Heard
from domain.message import SuppressionReason

OLDEST = timedelta(minutes=5)  # every repetition is signed anew
_VERSION = "v1,"

KINDS: Mapping[str, EventKind] = {
    "email.sent": EventKind.ACCEPTED,
    "email.delivered": EventKind.DELIVERED,
    "email.delivery_delayed": EventKind.DEFERRED,
    "email.bounced": EventKind.BOUNCED,
    "email.complained": EventKind.COMPLAINED,
    "email.opened": EventKind.OPENED,
    "email.clicked": EventKind.CLICKED,
    "email.failed": EventKind.DROPPED,
    "email.suppressed": EventKind.DROPPED,
    "suppression.added": EventKind.UNKNOWN,  # of an address, by `origin`, below
    "suppression.removed": EventKind.RESUBSCRIBED,
}
_ORIGINS: Mapping[str, EventKind] = {
    "bounce": EventKind.BOUNCED,
    "complaint": EventKind.COMPLAINED,
    "manual": EventKind.UNSUBSCRIBED,
}
_BOUNCES: Mapping[str, BounceClass] = {
    "permanent": BounceClass.HARD,
    "transient": BounceClass.SOFT,
    "undetermined": BounceClass.UNDETERMINED,
}
_CAUSES: Mapping[str, BounceCause] = {
    "noemail": BounceCause.NO_MAILBOX,
    "mailboxfull": BounceCause.FULL,
    "messagetoolarge": BounceCause.TOO_LARGE,
    "contentrejected": BounceCause.SPAM,
    "attachmentrejected": BounceCause.POLICY,
}


def verify(post: RawPost, secrets: Secrets, at: datetime) -> Verdict:
    """HMAC-SHA256 over id, time stamp and raw body; one of several signatures has to be right. A secret is `whsec_…`."""
    name, stamp, told = (_header(post, part) for part in ("id", "timestamp", "signature"))
    if not name or not stamp or not told:
        return Forged("no signature")
    if fault := stale(stamp, at, OLDEST):
        return Forged(fault)
    signed = f"{name}.{stamp}.".encode("utf-8", "surrogateescape") + post.body
    right = [b64encode(digest(key, signed, "sha256")) for key in map(_key, secrets.texts) if key]
    given = [one.removeprefix(_VERSION) for one in told.split() if one.startswith(_VERSION)]
    return Verified() if any(any_same(one, right) for one in given) else Forged("the signature is wrong")


def _header(post: RawPost, part: str) -> str | None:
    return post.headers.get(f"svix-{part}") or post.headers.get(f"webhook-{part}")


def _key(secret: str) -> bytes:
    try:
        return b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        return b""


def understand(post: RawPost) -> Iterator[Heard]:
    """The event of a post; Svix's id of it is in the headers."""
    name = _header(post, "id")
    return heard_by(post.body, lambda event, raw: _heard(event, raw, name))


def _heard(event: Any, raw: str, name: str | None) -> Heard:
    told = words(event, "type")
    data = at(event, "data")
    kind = _ORIGINS.get(words(data, "origin"), EventKind.UNKNOWN) if told == "suppression.added" else KINDS.get(told, EventKind.UNKNOWN)
    bounce = _bounce(data, kind)
    suppressed = SuppressionReason.HARD_BOUNCED if told == "email.suppressed" else None
    deed = at(data, "click") if kind is EventKind.CLICKED else at(data, "open")
    return Heard(
        kind=kind,
        key=f"{name}|{told}" if name else key_of(told, raw),
        raw=raw,
        occurred_at=first_instant(at(deed, "timestamp"), at(event, "created_at"), at(data, "created_at")),
        message_id=our_id(_tags(data), *(word(one, "value") for one in listed(data, "headers") if words(one, "name") == "message-id")),
        esp_message_id=word(data, "email_id") or word(data, "source_id"),
        address=address_of(at(data, "to")) or address_of(at(data, "email")),
        bounce=bounce,
        reason=word(data, "failed", "reason") or word(data, "suppressed", "message") or if_unknown(kind, told),
        url=word(deed, "link", longest=4_096),
        user_agent=word(deed, "userAgent"),
        ip=word(deed, "ipAddress"),
        suppresses=suppressed or suppression_of(kind, bounce),
    )


def _tags(data: Any) -> dict[str, Any]:
    """Tags come back as an object, and are sent as a list of names and values."""
    tags = at(data, "tags")
    return tags if isinstance(tags, dict) else {word(tag, "name") or "": at(tag, "value") for tag in listed(data, "tags")}


def _bounce(data: Any, kind: EventKind) -> Bounce | None:
    if kind not in (EventKind.BOUNCED, EventKind.DEFERRED):
        return None
    told = "permanent" if words(data, "origin") == "bounce" else words(data, "bounce", "type")
    verdict = BounceClass.SOFT if kind is EventKind.DEFERRED else _BOUNCES.get(told)
    return bounce_of(word(data, "bounce", "message", longest=2_000), verdict=verdict, cause=_CAUSES.get(words(data, "bounce", "subType")))


PROVIDER = Provider("resend", "the signing secret, whsec_…", verify, understand)
